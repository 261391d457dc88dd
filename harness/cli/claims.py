"""``kmap-harness claims``: what the book says, held against a running kernel."""

import json
import sys
from pathlib import Path

import typer
from rich.console import Console

from harness.base.held_folders import output_folder
from harness.base.output_files import require_writable, write_whole
from harness.claims.gather import gather
from harness.claims.judged_claim import judge_claims
from harness.claims.recorded import kind_of
from harness.cli.options import DEFAULT_KERNEL, BuildDir, Debug, Json, KernelName, NewOut
from harness.cli.progress_bar import progress_for
from harness.report.claims_report import claims_lines, claims_value
from harness.run.prepare import prepare


def claims(
    kernel: KernelName = DEFAULT_KERNEL,
    build_dir: BuildDir = None,
    report: Json = None,
    out: NewOut = None,
    debug: Debug = False,
) -> None:
    """Judge each claim of the book by a run on this kernel.

    Exit 0 as recorded, 1 differs, 2 wrong use, 3 failure.
    """
    del debug
    require_writable(path for path in (report,) if path)
    folder = output_folder(out, "claims", Path(kernel).name)
    with progress_for(Console(stderr=True)) as progress:
        seen = gather(prepare(kernel, build_dir, progress), folder, progress)
    judged = judge_claims(seen)
    kind = kind_of(seen.layout)
    sys.stdout.write("\n".join(claims_lines(seen.release, kind, judged)) + "\n")
    if report:
        write_whole(report, json.dumps(claims_value(seen.release, kind, judged), indent=1) + "\n")
    raise typer.Exit(int(any(one.differs for one in judged)))
