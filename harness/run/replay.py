"""A trace judged again without a guest, also by a newer model."""

from pathlib import Path

from harness.compare.known_bugs import KnownBugs
from harness.compare.known_bugs_file import our_known_bugs
from harness.compare.missing_evidence import missing_evidence
from harness.compare.run_judge import RunJudge
from harness.compare.trace_diff import TraceDifference, compare_traces
from harness.run.run_result import KernelFacts, ProgramOutcome, RunResult
from harness.trace.trace_file import TraceReader


def replay(path: Path, known_bugs: KnownBugs | None = None, *, partial: bool = False) -> RunResult:
    """Judge the trace in *path*.  Raises TraceError for a file that is none, or that was cut off.

    With *partial* what stands before the cut is judged; agreement of a part is no agreement, and
    the result has an error.  *known_bugs* (default: our list) are counted and are no divergence,
    where the kernel of the trace may have them.
    """
    known_bugs = known_bugs or our_known_bugs()
    reader = TraceReader(path, partial=partial)
    header = reader.header
    session = RunJudge(header, known_bugs)
    for record in reader.records():
        session.feed(record)
    judged = session.result()
    return RunResult(
        kernel=KernelFacts(
            header.release, header.release, header.build, header.config_hash, f"trace {path}"
        ),
        machine="as recorded",
        command=" ".join(header.qemu),
        seed=header.seed,
        layout=header.layout,
        missing_evidence=missing_evidence(header.evidence, judged.lost),
        lost_because=tuple(one.reason for one in judged.lost),
        known_bugs=known_bugs.descriptions,
        programs=tuple(ProgramOutcome(one.program, "", 0.0, one) for one in judged.programs),
        error=_cut_off(reader.cut_off_after),
    )


def _cut_off(steps: int | None) -> str:
    """The words of a result about a trace that was cut off after *steps*; None: it was not."""
    if steps is None:
        return ""
    return f"the trace is cut off after {steps} steps: only these were judged"


def compare_files(left: Path, right: Path, *, timers: bool = True) -> TraceDifference:
    """Compare the programs that two traces have in common, by roles; *timers*: all their steps."""
    readers = TraceReader(left), TraceReader(right)
    return compare_traces(
        (readers[0].header, readers[0].records()),
        (readers[1].header, readers[1].records()),
        timers=timers,
    )
