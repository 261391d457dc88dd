"""A night as one HTML file that needs no other: no scripts, no network, any screen."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from harness.base.output_files import write_whole
from harness.report.night_mail import differing_fields
from harness.report.night_svg import pkmap_svg, trend_svg
from harness.report.nightly_report import change_since, news_words, night_line
from harness.report.reproduction import reproducing_words
from harness.store.kernel_messages import grouped_messages
from harness.store.night_changes import TOLD, ChangeKind, ProgramChange
from harness.store.night_view import NightView
from harness.store.store_records import StoredRun

_DETAILED: Final = 20
"""Changes with pictures: more would make the file large, and nobody reads them."""
_NIGHTS: Final = 60
_MESSAGES: Final = 20


@dataclass(frozen=True, slots=True)
class PageTable:
    """The verdicts of a night: a row for each kernel, a column for each machine and suite."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class PageTrend:
    """One figure over the nights."""

    name: str
    svg: Markup
    values: tuple[tuple[str, str], ...]


def write_night_page(view: NightView, path: Path) -> None:
    """Write the page.  Raises UnwritableError."""
    write_whole(path, night_page(view))


def night_page(view: NightView) -> str:
    """The page as text."""
    shown = [one for one in view.changes if one.kind in (*TOLD, ChangeKind.NO_VERDICT)]
    return _template().render(
        view=view,
        news=news_words(view),
        line=night_line(view),
        details=[_detail(one, view) for one in shown[:_DETAILED]],
        more=shown[_DETAILED:],
        old=[one for one in view.changes if one not in shown],
        table=_table(view),
        trends=tuple(_trends(view)),
        messages=grouped_messages((*view.past, *view.runs))[:_MESSAGES],
    )


@cache
def _template() -> Template:
    loader = PackageLoader("harness.report", "templates")
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )
    environment.globals |= {"since": change_since}
    return environment.get_template("night.html")


def _printable(value: object) -> object:
    """*value* without the control characters of consoles, which HTML cannot hold."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return "".join(one if one.isprintable() or one == "\n" else "\ufffd" for one in value)


def _detail(change: ProgramChange, view: NightView) -> dict[str, Any]:
    """One change with all that a person needs to see it."""
    run = change.run
    report = view.reports.get(run.key, {}) if run else {}
    fixed = change.kind is ChangeKind.NEWLY_FIXED
    return {
        "change": change,
        "run": run,
        "again": reproducing_words(run, report, change.program) if run and not fixed else "",
        "divergence": _divergence(change.program, report),
        "messages": [
            one
            for one in report.get("troubles", ())
            if isinstance(one, dict) and one.get("program") == change.program
        ],
    }


def _divergence(program: str, report: Mapping[str, Any]) -> dict[str, Any] | None:
    """The first divergence of *program*, drawn."""
    found = (one for one in report.get("divergences", ()) if one.get("program") == program)
    one = next(found, None)
    if one is None:
        return None
    picture = one.get("picture")
    return {
        "one": {"reasons": (), "around": (), "step": -1, "operation": "", **one},
        "fields": tuple(differing_fields(one)),
        "pkmap": pkmap_svg(picture) if picture and picture["slots"] else "",
        "entries": tuple(_entries(picture)) if picture else (),
    }


def _entries(picture: Mapping[str, Any]) -> Iterator[tuple[str, Sequence[Mapping[str, Any]]]]:
    """Slots and window entries, as tables: a browser that shows text shows them, too."""
    if picture["slots"]:
        yield "pkmap slot", picture["slots"]
    if picture["window"]:
        yield f"slot of CPU {picture['cpu']}'s window", picture["window"]


def _table(view: NightView) -> PageTable:
    cells: dict[str, dict[str, str]] = {}
    for run in view.runs:
        kernel = run.provenance.kernel or run.job
        machine = run.job.removeprefix(kernel).removeprefix("-") or run.suite
        cells.setdefault(kernel, {})[machine] = run.verdict
    columns = tuple(dict.fromkeys(name for row in cells.values() for name in row))
    rows = ((name, tuple(row.get(one, "") for one in columns)) for name, row in cells.items())
    return PageTable(columns, tuple(rows))


def _trends(view: NightView) -> Iterator[PageTrend]:
    """Figures of the last nights."""
    nights = [one.name for one in view.nights][-_NIGHTS:]
    runs: dict[str, list[StoredRun]] = {name: [] for name in nights}
    for run in (*view.past, *view.runs):
        if run.night in runs:
            runs[run.night].append(run)
    for name, measure in _MEASURES.items():
        values = [measure(found) for found in runs.values()]
        said = tuple(zip(nights, (f"{value:g}" for value in values), strict=True))
        yield PageTrend(name, trend_svg(name, values), said)


def _failing(runs: Sequence[StoredRun]) -> float:
    return round(100 * sum(bool(run.failing) for run in runs) / max(len(runs), 1), 1)


def _rate(runs: Sequence[StoredRun]) -> float:
    return round(sum(run.steps for run in runs) / (sum(run.seconds for run in runs) or 1), 1)


def _minutes(runs: Sequence[StoredRun]) -> float:
    return round(sum(run.seconds for run in runs) / 60, 1)


def _without_verdict(runs: Sequence[StoredRun]) -> float:
    return sum(not run.judged for run in runs)


def _steps(runs: Sequence[StoredRun]) -> float:
    return sum(run.steps for run in runs)


_MEASURES: Final[Mapping[str, Callable[[Sequence[StoredRun]], float]]] = {
    "runs": len,
    "failing runs, %": _failing,
    "runs without a verdict": _without_verdict,
    "steps": _steps,
    "steps a second": _rate,
    "minutes of all runs": _minutes,
}
