"""A night in words and as a JSON value."""

from collections.abc import Iterator, Sequence
from typing import Any

from harness.nightly.baseline import VerdictChange
from harness.nightly.fleet import JobResult
from harness.report.run_counts import number_of


def job_lines(result: JobResult) -> Iterator[str]:
    """One job, as soon as it has ended: its verdict, and the first line of what went wrong."""
    report = result.report
    verdict, steps = report.get("verdict", "error"), report.get("steps", 0)
    yield f"{verdict:8} {result.job.name}: {steps} steps in {result.seconds:.1f} s"
    if report.get("error"):
        yield f"         {str(report['error']).splitlines()[0]}"


def nightly_lines(
    results: Sequence[JobResult],
    changes: Sequence[VerdictChange],
    place: str,
    *,
    verbose: bool = False,
) -> Iterator[str]:
    """The summary: how many jobs agree, and what changed since the baseline."""
    agreed = sum(1 for result in results if result.exit_code == 0)
    yield ""
    yield from _changes(changes, verbose=verbose)
    worse = sum(change.worse for change in changes)
    than = f"; {worse} WORSE than the baseline" if worse else ""
    yield f"{agreed} of {len(results)} runs agree{than}; results in {place}"


def _changes(changes: Sequence[VerdictChange], *, verbose: bool) -> Iterator[str]:
    """The differences from the baseline."""
    for change in changes:
        if change.now:
            mark = "WORSE" if change.worse else "changed"
            yield f"{mark}: {change.job}: {change.before or 'new'} -> {change.now}"
    missing = [change.job for change in changes if not change.now]
    if missing:
        count = number_of(len(missing), "run")
        yield f"not run: {count} of the baseline{'' if verbose else '; -v names them'}"
        yield from (f"  {job}" for job in missing if verbose)


def runs_value(results: Sequence[JobResult]) -> list[dict[str, Any]]:
    """Every job with its verdict and its whole report: what a later night is compared with."""
    return [
        {
            "name": result.job.name,
            "verdict": result.report.get("verdict", "error"),
            "exit_code": result.exit_code,
            "seconds": round(result.seconds, 2),
            "folder": str(result.folder),
            "report": result.report,
        }
        for result in results
    ]


def nightly_value(
    runs: Sequence[dict[str, Any]], changes: Sequence[VerdictChange]
) -> dict[str, Any]:
    """The night as one JSON object; *runs* is what :func:`runs_value` gives."""
    return {
        "runs": runs,
        "changes": [
            {"job": one.job, "before": one.before, "now": one.now, "worse": one.worse}
            for one in changes
        ],
    }
