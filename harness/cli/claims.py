"""``kmap-harness claims``: what the book says, held against a running kernel."""

from pathlib import Path

import typer

from harness.base.held_folders import output_folder
from harness.claims.gather import gather
from harness.claims.judged_claim import judge_claims
from harness.claims.recorded import kind_of
from harness.cli.options import DEFAULT_KERNEL, BuildDir, Debug, Json, KernelName, NewOut, Silence
from harness.cli.output import CommandOutput, shown_progress, write_json
from harness.report.claims_report import claims_lines, claims_value
from harness.report.log_places import with_logs
from harness.run.prepare import prepare


def claims(
    kernel: KernelName = DEFAULT_KERNEL,
    build_dir: BuildDir = None,
    report: Json = None,
    out: NewOut = None,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Judge each claim of the book by a run on this kernel.

    Exit 0 as recorded, 1 differs, 2 wrong use, 3 failure.
    """
    del debug
    output = CommandOutput(report, quiet=quiet)
    folder = output_folder(out, "claims", Path(kernel).name)
    with shown_progress(quiet=quiet) as progress:
        seen = gather(prepare(kernel, build_dir, progress), folder, progress)
    judged = judge_claims(seen)
    kind = kind_of(seen.layout)
    output.report(with_logs(claims_lines(seen.release, kind, judged), folder))
    write_json(report, claims_value(seen.release, kind, judged))
    raise typer.Exit(int(any(one.differs for one in judged)))
