"""``kmap-harness broken-rules``: break rules of the interface, and judge what the kernel says."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from harness.base.held_folders import output_folder
from harness.base.progress import Progress
from harness.base.signals import EndedBySignal
from harness.cli.options import (
    DEFAULT_KERNEL,
    LIST_HELP,
    BuildDir,
    Debug,
    Json,
    KernelName,
    Machine,
    NewOut,
    Silence,
)
from harness.cli.output import CommandOutput, shown_progress, write_json
from harness.errors import UsageError
from harness.guest.shape_words import parse_shape
from harness.misuse.case_judge import CaseOutcome, JudgedCase, judge_case
from harness.misuse.case_runner import CaseRunner, case_runner
from harness.misuse.misuse_case import MisuseCase, cases
from harness.report.log_places import with_logs
from harness.report.misuse_report import agree, misuse_lines, misuse_table, misuse_value
from harness.run.prepare import prepare

Cases = Annotated[list[str] | None, typer.Option(help="Only this case; may be repeated.")]
Listing = Annotated[
    bool, typer.Option("--list", help=f"{LIST_HELP} The list says what each kernel must report.")
]


def broken_rules(
    kernel: KernelName = DEFAULT_KERNEL,
    build_dir: BuildDir = None,
    shape: Machine = "",
    case: Cases = None,
    table: Listing = False,
    report: Json = None,
    out: NewOut = None,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Break each rule of the interface in a guest of its own.

    Exit 0 as expected, 1 differs, 2 wrong use, 3 failure.
    """
    del debug
    chosen, machine = _chosen(case or []), parse_shape(shape)
    if table:
        sys.stdout.write("\n".join(misuse_table(chosen)) + "\n")
        raise typer.Exit(0)
    output = CommandOutput(report, quiet=quiet)
    folder = output_folder(out, "broken-rules", Path(kernel).name)
    with shown_progress(quiet=quiet) as progress:
        prepared = prepare(kernel, build_dir, progress)
        run = case_runner(prepared, machine, folder)
        judged: list[JudgedCase] = []
        ended = _judge(chosen, run, judged, progress)
    release = prepared.kernel.release
    output.report(with_logs(misuse_lines(release, judged, len(chosen)), folder))
    write_json(report, misuse_value(release, judged, str(ended or "")))
    raise ended or typer.Exit(_exit_code(judged))


def _judge(
    chosen: Sequence[MisuseCase], run: CaseRunner, judged: list[JudgedCase], progress: Progress
) -> EndedBySignal | None:
    """Add each case to *judged* as it ends; return the signal that came before the last."""
    try:
        for number, one in enumerate(chosen, 1):
            progress.step(f"{number} of {len(chosen)}: {one.id}")
            judged.append(judge_case(one, run))
    except EndedBySignal as ended:
        return ended
    return None


def _chosen(names: list[str]) -> tuple[MisuseCase, ...]:
    unknown = sorted(set(names) - {one.id for one in cases()})
    if unknown:
        known = ", ".join(one.id for one in cases())
        raise UsageError(f"there is no case {', '.join(unknown)}", hint=f"known: {known}")
    return tuple(one for one in cases() if not names or one.id in names)


def _exit_code(judged: list[JudgedCase]) -> int:
    if any(one.outcome is CaseOutcome.ERROR for one in judged):
        return 3
    return 0 if agree(judged) else 1
