"""``kmap-harness histories``: several CPUs at once, judged by whether any order explains what they saw."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.base.output_files import require_folder, require_writable
from harness.cli.options import DEFAULT_KERNEL, Debug, Json
from harness.cli.progress_bar import progress_for
from harness.guest.shape_words import parse_shape
from harness.history.history_runner import HistoriesRequest, run_histories
from harness.report.histories_report import histories_lines, write_histories
from harness.run.prepare import prepare

DEFAULT_SHAPE = "smp=4,parallel"


def histories(
    kernel: Annotated[
        str, typer.Option(help="A stock kernel's name (see `kernels`), or a bzImage or vmlinux.")
    ] = DEFAULT_KERNEL,
    build_dir: Annotated[
        Path | None, typer.Option(help="Folder in which your own kernel was built.")
    ] = None,
    shape: Annotated[str, typer.Option(help="Machine as words, as in `run`.")] = DEFAULT_SHAPE,
    seed: Annotated[int, typer.Option(help="Seed of the threads' programs.")] = 1,
    operations: Annotated[
        int, typer.Option(min=1, help="Operations to judge, at least.")
    ] = 200_000,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict", help="A change of behaviour of your own kernel is a divergence too."
        ),
    ] = False,
    json: Json = None,
    out: Annotated[Path, typer.Option(help="Folder for the logs of the guest.")] = Path(
        "out/histories"
    ),
    template: Annotated[
        bool, typer.Option("--template/--no-template", help="Restore a kept guest, or boot one.")
    ] = True,
    debug: Debug = False,
) -> None:
    """Run and judge concurrent histories; exit 0 all explained, 1 divergence, 2 wrong use, 3 failure or unknown."""
    del debug
    machine = parse_shape(shape)
    require_writable([json] if json else [])
    require_folder(out)
    with progress_for(Console(stderr=True)) as progress:
        prepared = prepare(kernel, build_dir, progress)
        strictly = strict or build_dir is None
        request = HistoriesRequest(machine, seed, operations, out, template, strictly)
        result = run_histories(prepared, request, progress)
    sys.stdout.write("\n".join(histories_lines(result)) + "\n")
    if json:
        write_histories(result, json)
    raise typer.Exit(result.exit_code)
