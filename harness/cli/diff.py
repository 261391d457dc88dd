"""``kmap-harness diff``: judge a trace again without a guest, or compare two traces."""

from datetime import date
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from harness.cli.options import Debug, Json, KnownBugsFile, Silence, Verbose
from harness.cli.output import CommandOutput, write_json
from harness.compare.known_bugs_file import load_known_bugs
from harness.errors import UsageError
from harness.report.run_report import run_lines
from harness.report.run_value import write_run
from harness.report.trace_report import difference_value, trace_lines
from harness.run.replay import compare_files, replay

Trace = Annotated[Path, typer.Argument(help="Trace written by `run --trace`.")]
OtherTrace = Annotated[
    Path | None, typer.Argument(help="Second trace: compare the two step by step.")
]
Partial = Annotated[
    bool,
    typer.Option(
        "--partial",
        help="Judge the steps of a trace that was cut off; the exit code is then 1 or 3.",
    ),
]

Timers = Annotated[
    bool,
    typer.Option(
        "--timers/--no-timers",
        help="Compare the steps that a timer may interrupt; the host decides where it does.",
    ),
]


def diff(
    trace: Trace,
    other: OtherTrace = None,
    known_bugs: KnownBugsFile = None,
    partial: Partial = False,
    timers: Timers = True,
    json: Json = None,
    verbose: Verbose = False,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Judge a trace again with the present model, or compare two traces step by step.

    Exit 0 agreement or equal traces, 1 divergence or difference, 2 wrong use, 3 failure.
    """
    del debug
    output = CommandOutput(json, quiet=quiet)
    if other:
        _require_whole(partial=partial)
        _compare(trace, other, json, output, timers=timers)
    result = replay(trace, load_known_bugs(known_bugs, date.today()), partial=partial)
    output.report(run_lines(result, verbose=verbose))
    if json:
        write_run(result, json)
    raise typer.Exit(result.exit_code)


def _require_whole(*, partial: bool) -> None:
    if partial:
        raise UsageError(
            "--partial judges one trace, and two were given",
            hint="leave out --partial, or the second trace",
        )


def _compare(
    trace: Path, other: Path, json: Path | None, output: CommandOutput, *, timers: bool
) -> NoReturn:
    difference = compare_files(trace, other, timers=timers)
    output.report(trace_lines(difference))
    write_json(json, difference_value(difference))
    raise typer.Exit(0 if difference.equal else 1)
