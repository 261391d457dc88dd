"""``kmap-harness export``: scenarios as C that needs nothing of this project."""

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.base import project
from harness.base.held_folders import output_folder
from harness.base.output_files import write_whole
from harness.cli.command_group import FullHelpGroup
from harness.cli.options import LIST_HELP, Debug, Expression, Json, NewOut, Silence
from harness.cli.output import CommandOutput, write_json
from harness.errors import UsageError
from harness.export.expressible import Era, Version
from harness.export.kernel_source import (
    KBUILD,
    KUNIT_FILE,
    MODULE_FILE,
    Exported,
    exported,
    kunit_source,
    module_source,
)
from harness.report.export_report import export_lines, export_table, export_value
from harness.run.scenario_files import scenario_files
from harness.scenario.scenario_parser import read_scenario

export = typer.Typer(cls=FullHelpGroup, rich_markup_mode=None, no_args_is_help=True)
"""The command, which has only commands of its own."""

Places = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Files, folders, or names of ours. Default: all of ours, without the sweeps."
    ),
]
Oldest = Annotated[
    str, typer.Option(help="The oldest kernel that the file is for, like 6.1: a major.minor.")
]
Newest = Annotated[str, typer.Option(help="The newest kernel that the file is for, like 7.3.")]
Table = Annotated[
    bool,
    typer.Option(
        "--list",
        help=f"{LIST_HELP} The list says of each scenario what its test does not compare, or why "
        "it has no test.",
    ),
]


@export.callback()
def about_export() -> None:
    """Write scenarios as C: a KUnit suite, or a kernel module; no guest is booted."""


@export.command(name="kunit")
def as_kunit(
    places: Places = None,
    expression: Expression = "",
    oldest: Oldest = "6.1",
    newest: Newest = "7.3",
    show: Table = False,
    json: Json = None,
    out: NewOut = None,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Write a KUnit suite with a test for each scenario.

    Exit 0 written, 2 wrong use, or nothing can be written.
    """
    del debug
    era = _era(oldest, newest)
    found = _found(places, expression, era)
    if show:
        sys.stdout.writelines(f"{line}\n" for line in export_table(found))
        return
    _write(found, era, kunit_source, KUNIT_FILE, json, out, quiet=quiet)


@export.command(name="module")
def as_module(
    places: Places = None,
    expression: Expression = "",
    oldest: Oldest = "6.1",
    newest: Newest = "7.3",
    json: Json = None,
    out: NewOut = None,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Write a kernel module that runs the scenarios when it is loaded.

    It refuses to load if one fails.  Exit 0 written, 2 wrong use, or nothing can be written.
    """
    del debug
    era = _era(oldest, newest)
    found = _found(places, expression, era)
    folder = _write(found, era, module_source, MODULE_FILE, json, out, quiet=quiet)
    write_whole(folder / "Kbuild", KBUILD)


def _found(places: list[Path] | None, expression: str, era: Era) -> tuple[Exported, ...]:
    files = scenario_files(places or [], project.SCENARIOS, expression)
    names = Counter(path.stem for path in files)
    for name, count in names.items():
        if count > 1:
            raise UsageError(
                f"{count} of the scenarios are called {name}", hint="name each only once"
            )
    return tuple(exported(path.stem, read_scenario(path), era) for path in files)


def _write(
    found: Sequence[Exported],
    era: Era,
    source: Callable[[Sequence[Exported], Era], str],
    name: str,
    json: Path | None,
    out: Path | None,
    *,
    quiet: bool,
) -> Path:
    output = CommandOutput(json, quiet=quiet)
    if all(one.reason for one in found):
        reasons = "\n".join(f"  {one.name}: {one.reason}" for one in found)
        raise UsageError(
            f"none of these scenarios can be a test within the kernel:\n{reasons}",
            hint="`kmap-harness export kunit --list` says which can",
        )
    folder = output_folder(out, "export", Path(name).stem)
    write_whole(folder / name, source(found, era))
    output.report(export_lines(found, folder / name))
    write_json(json, export_value(found, folder / name))
    return folder


def _era(oldest: str, newest: str) -> Era:
    era = Era(_version(oldest), _version(newest))
    if era.oldest > era.newest:
        raise UsageError(f"{oldest} is newer than {newest}", hint="give the older as --oldest")
    return era


def _version(text: str) -> Version:
    major, _, minor = text.partition(".")
    if not (major.isdecimal() and minor.isdecimal()):
        raise UsageError(f"{text!r} is no major.minor of a kernel", hint="write it like 6.1")
    return int(major), int(minor)
