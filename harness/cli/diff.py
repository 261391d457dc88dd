"""``kmap-harness diff``: judge a trace again without a guest, or compare two traces."""

import json as json_format
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from harness.base.output_files import require_writable, write_whole
from harness.cli.options import Debug, Json, KnownBugsFile
from harness.compare.known_bugs_file import load_known_bugs
from harness.report.run_report import run_lines
from harness.report.run_value import write_run
from harness.report.trace_report import difference_value, trace_lines
from harness.run.replay import compare_files, replay

Trace = Annotated[Path, typer.Argument(help="Trace written by `run --trace`.")]
OtherTrace = Annotated[
    Path | None, typer.Argument(help="Second trace: compare the two step by step.")
]


def diff(
    trace: Trace,
    other: OtherTrace = None,
    known_bugs: KnownBugsFile = None,
    json: Json = None,
    debug: Debug = False,
) -> None:
    """Judge a trace again with the present model, or compare two traces step by step."""
    del debug
    require_writable([json] if json else [])
    if other:
        _compare(trace, other, json)
    result = replay(trace, load_known_bugs(known_bugs, date.today()))
    sys.stdout.write("\n".join(run_lines(result)) + "\n")
    if json:
        write_run(result, json)
    raise typer.Exit(result.exit_code)


def _compare(trace: Path, other: Path, json: Path | None) -> NoReturn:
    difference = compare_files(trace, other)
    sys.stdout.write("\n".join(trace_lines(difference)) + "\n")
    if json:
        write_whole(json, json_format.dumps(difference_value(difference), indent=1) + "\n")
    raise typer.Exit(0 if difference.equal else 1)
