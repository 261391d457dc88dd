"""``kmap-harness kernels``: list the kernels that are known; ``kernels build`` builds some."""

import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from harness.cli.command_group import FullHelpGroup
from harness.cli.options import Debug, Json, Silence, Verbose
from harness.cli.output import CommandOutput, shown_progress, write_json
from harness.cli.progress_bar import show_command
from harness.kernel.by_name import kernel_by_name, kernel_names
from harness.kernel.catalogue import UnknownKernelError
from harness.kernel.status import KernelStatus, statuses

kernels = typer.Typer(cls=FullHelpGroup, invoke_without_command=True, rich_markup_mode=None)
"""The command: the list without a further word, or one of its own commands."""


@kernels.callback()
def listing(
    context: typer.Context,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """List the kernels: known by name, fetched or built, and modules built for them."""
    del debug
    if context.invoked_subcommand:
        return
    output, rows = CommandOutput(json), statuses()
    output.report(line for row in rows for line in _lines(row))
    write_json(json, [_value(row) for row in rows])


@kernels.command()
def build(
    name: Annotated[
        list[str],
        typer.Argument(help="Names that `kernels` lists; each kernel is brought into the cache."),
    ],
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask apt for newer packages and sources first.")
    ] = False,
    verbose: Verbose = False,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Build kernels from source, or fetch stock kernels, except those that the cache has."""
    del debug
    for unknown in set(name) - set(kernel_names()):
        raise UnknownKernelError(unknown, kernel_names())
    say = show_command if verbose else None
    for one in name:
        with shown_progress(quiet=quiet) as progress:
            kernel = kernel_by_name(one, progress=progress, say=say, refresh=refresh)
        sys.stdout.write(f"{one:24} {kernel.release:26} {kernel.boot_image}\n")
        sys.stdout.flush()


def _value(row: KernelStatus) -> dict[str, object]:
    kernel = row.kernel
    return {
        "name": row.name,
        "from_source": row.from_source,
        "cached": kernel is not None,
        "release": kernel.release if kernel else None,
        "source": kernel.source if kernel else None,
        "system_map": bool(kernel and kernel.system_map),
        "build_dir": str(kernel.build_dir) if kernel else None,
        "modules_built": row.built,
        "passed_over": row.passed_over,
    }


def _lines(row: KernelStatus) -> Iterator[str]:
    """The kernel; and that newer packages could not be fetched, if that was so."""
    yield _line(row)
    if row.passed_over:
        count = len(row.passed_over)
        yield f"{'':24} passed over {count} newer, which could not be fetched (--json says why)"


def _line(row: KernelStatus) -> str:
    if not row.kernel:
        when = "built" if row.from_source else "fetched"
        return f"{row.name:24} known, {when} when it is first used"
    have = "built " if row.from_source else "cached"
    modules = (
        f"{row.built} module{'' if row.built == 1 else 's'} built"
        if row.built
        else "no module built"
    )
    return f"{row.name:24} {have}  {row.kernel.release:26} {modules}"
