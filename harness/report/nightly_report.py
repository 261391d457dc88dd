"""A night for a terminal: what is new stands first, all on one screen; and as JSON."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from harness.nightly.night_job import JobResult
from harness.report.run_counts import number_of
from harness.store.night_changes import ChangeKind, ProgramChange
from harness.store.night_view import NightView
from harness.store.store_records import StoredRun

FORMAT: Final = 2
_SHOWN: Final = 5
"""Lines of one kind: more would not fit on a screen."""
_DETAILED: Final = frozenset(
    {ChangeKind.NEWLY_FAILING, ChangeKind.NEWLY_FLAKY, ChangeKind.NO_VERDICT}
)


def job_lines(result: JobResult) -> Iterator[str]:
    """One job, as soon as it has ended: its verdict, and the first line of what went wrong."""
    report = result.report
    steps = report.get("steps", 0)
    yield f"{result.verdict:8} {result.job.name}: {steps} steps in {result.seconds:.1f} s"
    if report.get("error"):
        yield f"         {str(report['error']).splitlines()[0]}"


def nightly_lines(view: NightView, *, verbose: bool = False) -> Iterator[str]:
    """The summary of a night: a quiet one is a single line."""
    most = len(view.changes) if verbose else _SHOWN
    for kind in ChangeKind:
        yield from _kind_lines(kind, view.of_kind(kind), most, verbose=verbose)
    yield night_line(view)


def night_line(view: NightView) -> str:
    """The night in one line."""
    agreed = view.verdicts["agree"]
    told = f"{agreed} of {number_of(len(view.runs), 'run')} agree"
    left = len(view.of_kind(ChangeKind.NOT_RUN))
    rest = f"; {left} not run" if left else ""
    return f"night {view.night.name}: {_news_words(view)}; {told}{rest}"


def _news_words(view: NightView) -> str:
    """What is new, counted; else that nothing is."""
    counts = [
        f"{len(found)} {kind.value.upper()}"
        for kind in (*dict.fromkeys(one.kind for one in view.news), ChangeKind.NO_VERDICT)
        if (found := view.of_kind(kind))
    ]
    return ", ".join(counts) or "nothing new"


def _kind_lines(
    kind: ChangeKind, found: Sequence[ProgramChange], most: int, *, verbose: bool
) -> Iterator[str]:
    """The changes of one kind; what fails as before is only counted, but with --verbose."""
    if not found:
        return
    if kind in (ChangeKind.NOT_RUN, ChangeKind.STILL_FAILING, ChangeKind.FLAKY) and not verbose:
        yield f"{kind.value}: {len(found)}; -v names them"
        return
    for one in found[:most]:
        yield from change_lines(one)
    if len(found) > most:
        yield f"... and {len(found) - most} more {kind.value}; -v names them"


def change_lines(change: ProgramChange) -> Iterator[str]:
    """One change: the program, what was found, since when, and how to see it again."""
    since = f" ({_since(change)})" if _since(change) else ""
    yield f"{change.kind.value.upper()}: {change.subject}{since}"
    if change.text:
        yield f"    {change.text}"
    if change.run and change.kind in _DETAILED:
        yield f"    again: {change.run.reproduce}"
        yield f"    logs:  {change.run.folder}"


def _since(change: ProgramChange) -> str:
    """The nights between which it broke, or how often it fails."""
    if change.flakiness.is_flaky:
        return change.flakiness.words
    parts = []
    if change.last_good:
        parts.append(f"last good {change.last_good}")
    if change.first_bad:
        parts.append(f"first bad {change.first_bad}")
    return ", ".join(parts)


def nightly_value(view: NightView) -> dict[str, Any]:
    """The night as one JSON object (docs/night.schema.json)."""
    return {
        "format": FORMAT,
        "night": asdict(view.night),
        "verdicts": dict(view.verdicts),
        "changes": [_change_value(one) for one in view.changes],
        "runs": [_run_value(run, view) for run in view.runs],
    }


def _change_value(one: ProgramChange) -> dict[str, Any]:
    low, high = one.flakiness.interval
    return {
        "kind": one.kind.value,
        "job": one.job,
        "program": one.program,
        "text": one.text,
        "last_good": one.last_good,
        "first_bad": one.first_bad,
        "failed": one.flakiness.failed,
        "of": one.flakiness.of,
        "interval": [round(low, 4), round(high, 4)],
        "reproduce": one.run.reproduce if one.run else "",
    }


def _run_value(run: StoredRun, view: NightView) -> dict[str, Any]:
    value = asdict(run)
    return {**value, "report": view.reports.get(run.key, {})}
