"""The mail of a night: written only when something is newly failing, newly flaky or fixed.

What it says first is what a maintainer decides by: which scenario on which kernel, since when, and
the command that shows it again.
"""

import textwrap
from collections.abc import Iterator, Mapping
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTPUTF8
from email.utils import format_datetime
from typing import Any, Final

from harness.base.project import NAME
from harness.report.folding import folded_command
from harness.report.nightly_report import change_since, news_words, night_line
from harness.report.reproduction import reproducing_words
from harness.store.night_changes import ChangeKind, ProgramChange
from harness.store.night_view import NightView

_WIDTH: Final = 76
_MOST: Final = 5
_NIGHTS: Final = 14


def night_mail(view: NightView) -> str | None:
    """The mail with its headers, without addresses; None where nothing is new."""
    if not view.news:
        return None
    mail = EmailMessage(SMTPUTF8)
    first, more = view.news[0], len(view.news) - 1
    rest = f" (and {more} more)" if more else ""
    mail["Subject"] = f"[{NAME}] {first.kind.value.upper()}: {first.subject}{rest}"
    mail["Date"] = format_datetime(datetime.fromisoformat(view.night.began))
    mail["Message-ID"] = f"<{NAME}.{_word(view.night.name)}@night.invalid>"
    mail.set_content("\n".join(_body(view)) + "\n")
    return mail.as_string()


def _word(text: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in text)


def _body(view: NightView) -> Iterator[str]:
    yield f"Night {view.night.name}: {news_words(view)}."
    yield night_line(view).partition("; ")[2] + "."
    for change in view.news[:_MOST]:
        yield ""
        yield from _change(change, view)
    if len(view.news) > _MOST:
        yield ""
        yield f"... and {len(view.news) - _MOST} more; the HTML report has all."


def _change(change: ProgramChange, view: NightView) -> Iterator[str]:
    yield from _wrapped(f"{change.kind.value.upper()}: {change.subject}")
    yield from _wrapped(change_since(change), "  ")
    yield f"  history (oldest first): {_history(change, view)}"
    run = change.run
    if run is None:
        return
    made, report = run.provenance, view.reports.get(run.key, {})
    compiler = made.compiler or "compiler not known"
    yield from _wrapped(f"kernel {made.release}, config {made.config[:12]}, {compiler}", "  ")
    yield from _wrapped(f"machine {made.machine}; {made.qemu}", "  ")
    if change.kind is ChangeKind.NEWLY_FIXED:
        return
    yield ""
    yield from _excerpt(change, report)
    yield ""
    yield "  again:"
    yield from folded_command(reproducing_words(run, report, change.program), "    ", _WIDTH)


def _excerpt(change: ProgramChange, report: Mapping[str, Any]) -> Iterator[str]:
    """What was found, and for a divergence the steps before it and what differs."""
    yield from _wrapped(change.text or "no program names what is wrong", "  | ")
    for one in report.get("divergences", ()):
        if one.get("program") == change.program:
            yield from (f"  |   {line}" for line in _divergence(one))
            return


def _divergence(one: Mapping[str, Any]) -> Iterator[str]:
    for number, words in one.get("around", ()):
        mark = ">" if number == one["step"] else " "
        yield f"{mark} step {number}: {words}"
    for field, seen, allowed in differing_fields(one):
        yield f"{field}: seen {seen}, allowed {allowed}"
    yield from (f"kernel: {message}" for message in one.get("messages", ()))


def differing_fields(one: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Fields of a divergence that differ from the nearest outcome, with both values."""
    nearest = min(one.get("allowed", ()), key=lambda a: len(a["differs"]), default=None)
    if nearest is None or one.get("seen") is None:
        return
    for field in nearest["differs"]:
        if field not in ("slots", "windows"):
            yield field, _value(one["seen"][field]), _value(nearest["observation"][field])


def _value(value: object) -> str:
    return f"{value:#x}" if isinstance(value, int) and value > 9 else str(value)


def _history(change: ProgramChange, view: NightView) -> str:
    """A letter for each of the last nights: . agrees, F fails, ? no verdict."""
    runs = view.history(change.job)[-_NIGHTS:]
    marks = ("F" if change.program in run.failing else "." if run.judged else "?" for run in runs)
    return "".join(marks)


def _wrapped(text: str, indent: str = "") -> Iterator[str]:
    yield from textwrap.wrap(text, _WIDTH, initial_indent=indent, subsequent_indent=indent)
