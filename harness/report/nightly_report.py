"""A night for a terminal: what is new stands first, all on one screen; and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from harness.report.reproduction import reproducing_words
from harness.report.run_counts import number_of
from harness.store.night_changes import ChangeKind, ProgramChange
from harness.store.night_view import NightView
from harness.store.store_records import StoredRun

FORMAT: Final = 2
_SHOWN: Final = 5
"""Lines of one kind: more would not fit on a screen."""
_COUNTED: Final = (ChangeKind.STILL_FAILING, ChangeKind.FLAKY, ChangeKind.NOT_RUN)
_DETAILED: Final = frozenset(
    {ChangeKind.NEWLY_FAILING, ChangeKind.NEWLY_FLAKY, ChangeKind.NO_VERDICT}
)


def job_lines(run: StoredRun) -> Iterator[str]:
    """One job, as soon as it has ended: its verdict, and the first line of what went wrong."""
    yield f"{run.verdict:8} {run.job}: {run.steps} steps in {run.seconds:.1f} s"
    if run.report.get("error"):
        yield f"         {str(run.report['error']).splitlines()[0]}"


def nightly_lines(view: NightView, *, verbose: bool = False) -> Iterator[str]:
    """The summary of a night: a quiet one is a single line."""
    for kind in ChangeKind:
        yield from _kind_lines(kind, view, verbose=verbose)
    yield night_line(view)


def night_line(view: NightView) -> str:
    """The night in one line."""
    told = f"{view.verdicts['agree']} of {number_of(len(view.runs), 'run')} agree"
    counted = (
        f"; {len(found)} {kind.value}" for kind in _COUNTED if (found := view.of_kind(kind))
    )
    return f"night {view.night.name}: {news_words(view)}; {told}{''.join(counted)}"


def news_words(view: NightView) -> str:
    """What is new, counted; else that nothing is."""
    counts = [
        f"{len(found)} {kind.value.upper()}"
        for kind in (*dict.fromkeys(one.kind for one in view.news), ChangeKind.NO_VERDICT)
        if (found := view.of_kind(kind))
    ]
    return ", ".join(counts) or "nothing new"


def _kind_lines(kind: ChangeKind, view: NightView, *, verbose: bool) -> Iterator[str]:
    """The changes of one kind; what fails as before is only counted, but with --verbose."""
    found = view.of_kind(kind)
    most = len(found) if verbose else 0 if kind in _COUNTED else _SHOWN
    for one in found[:most]:
        yield from change_lines(one, view)
    if 0 < most < len(found):
        yield f"... and {len(found) - most} more {kind.value}; -v names them"


def change_lines(change: ProgramChange, view: NightView) -> Iterator[str]:
    """One change: the program, what was found, since when, and how to see it again."""
    since = f" ({change_since(change)})" if change_since(change) else ""
    yield f"{change.kind.value.upper()}: {change.subject}{since}"
    if change.text:
        yield f"    {change.text}"
    if change.run and change.kind in _DETAILED:
        report = view.reports.get(change.run.key, {})
        yield f"    again: {reproducing_words(change.run, report, change.program)}"
        yield f"    logs:  {change.run.folder}"


def change_since(change: ProgramChange) -> str:
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
