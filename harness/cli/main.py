"""The command line's top level: the only place that turns errors into exit codes."""

import errno
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, NoReturn

import typer

from harness.base.project import NAME, version_text
from harness.errors import HarnessError

_PREREQUISITE = 2
_INTERNAL = 3
_HOST_REFUSES = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS)
_INTERRUPTED = 130

_ABOUT = "Judges the highmem mapping code (kmap, kmap_atomic, kmap_local) of real i386 kernels."

COMMANDS: Mapping[str, str] = {
    "run": "run",
    "claims": "claims",
    "diff": "diff",
    "explore": "explore",
    "histories": "histories",
    "kernels": "kernels",
    "nightly": "nightly",
    "ssh": "ssh",
    "push": "ssh",
    "pull": "ssh",
    "bench": "bench",
    "mutants": "mutants",
    "check": "check",
    "bisect-step": "bisect",
    "bisect": "bisect",
    "broken-rules": "broken_rules",
}
"""Each command and the module of this room that has the function of its name."""


def application(words: Sequence[str]) -> typer.Typer:
    """The command line for *words*: with the command that they name, or else with every command.

    Only the module of that command is imported: importing all takes as long as a restore.
    """
    app = typer.Typer(
        name="kmap-harness",
        help=_ABOUT,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=True,
    )
    app.callback()(_group)
    for name in [words[0]] if words and words[0] in COMMANDS else COMMANDS:
        module = import_module(f"harness.cli.{COMMANDS[name]}")
        command = getattr(module, name.replace("-", "_"))
        if isinstance(command, typer.Typer):
            app.add_typer(command, name=name)
        else:
            app.command(name=name)(command)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"{NAME} {version_text()}\n")
        raise typer.Exit


def _group(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version and the commit, then exit.",
        ),
    ] = False,
) -> None:
    """Judges the highmem mapping code (kmap, kmap_atomic, kmap_local) of real i386 kernels."""
    del version


def main() -> None:
    """Run the command line.

    Every error becomes one message and one exit code (docs/architecture.md).
    """
    debug = "--debug" in sys.argv
    try:
        application(sys.argv[1:])()
    except HarnessError as error:
        _end(str(error), error.exit_code, debug=debug)
    except OSError as error:
        refused = error.errno in _HOST_REFUSES
        _end(_of_the_system(error), _PREREQUISITE if refused else _INTERNAL, debug=debug)
    except KeyboardInterrupt:
        _end("interrupted", _INTERRUPTED, debug=debug)
    except Exception as error:  # noqa: BLE001 - the top level: no traceback reaches a user
        what = f"internal error: {type(error).__name__}: {error}"
        _end(f"{what}\n  hint: run again with --debug", _INTERNAL, debug=debug)


def _of_the_system(error: OSError) -> str:
    """The message for a refusal of the host that no room has turned into an error of its own."""
    what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
    hint = "free space, or give a place that can be written; --debug shows where it happened"
    return f"{what}\n  hint: {hint}"


def _end(message: str, code: int, *, debug: bool) -> NoReturn:
    if debug:
        traceback.print_exc()
    sys.stderr.write(f"kmap-harness: {message}\n")
    sys.exit(code)
