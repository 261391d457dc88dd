"""``kmap-harness histories``: run several CPUs at once, and look for an order that explains
them.
"""

from pathlib import Path
from typing import Annotated

import typer

from harness.base.held_folders import output_folder
from harness.cli.options import (
    DEFAULT_KERNEL,
    BuildDir,
    Debug,
    Json,
    KernelName,
    Machine,
    NewOut,
    Seed,
    Silence,
    Strict,
    Template,
)
from harness.cli.output import CommandOutput, shown_progress
from harness.guest.shape_words import parse_shape
from harness.history.history_runner import HistoriesRequest, run_histories
from harness.report.histories_report import histories_lines, write_histories
from harness.report.log_places import with_logs
from harness.run.prepare import prepare

DEFAULT_SHAPE = "smp=4,parallel"


Operations = Annotated[int, typer.Option(min=1, help="Least number of operations to judge.")]


def histories(
    kernel: KernelName = DEFAULT_KERNEL,
    build_dir: BuildDir = None,
    shape: Machine = DEFAULT_SHAPE,
    seed: Seed = 1,
    operations: Operations = 200_000,
    strict: Strict = False,
    json: Json = None,
    out: NewOut = None,
    template: Template = True,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Run and judge concurrent histories.

    Stock kernels are judged as with --strict.  Exit 0 every history is explained, 1 divergence,
    2 wrong use, 3 failure or unknown.
    """
    del debug
    machine = parse_shape(shape)
    output = CommandOutput(json, quiet=quiet)
    folder = output_folder(out, "histories", Path(kernel).name)
    with shown_progress(quiet=quiet) as progress:
        prepared = prepare(kernel, build_dir, progress)
        strictly = strict or build_dir is None
        request = HistoriesRequest(machine, seed, operations, folder, template, strictly)
        result = run_histories(prepared, request, progress)
    output.report(with_logs(histories_lines(result), folder))
    if json:
        write_histories(result, json)
    raise typer.Exit(result.exit_code)
