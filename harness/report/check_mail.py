"""The report of a check as a mail: a plain-text reply to the patch, ready to send.

A screen of text says what was found and how to see it again; the rest follows below a marker.
"""

import re
import textwrap
from collections.abc import Iterable, Iterator

from harness.base.project import NAME, version_text
from harness.check.check_result import CheckResult, ConfigResult, KernelFailure
from harness.check.comparison import ORDER, Comparison, PatchEffect, foremost_first
from harness.report.check_report import (
    behaviour_lines,
    comparison_lines,
    counts_words,
    lost_words,
    verdict_words,
)
from harness.report.folding import folded_all, folded_command
from harness.report.mail_head import reply_head
from harness.report.narrow_picture import narrowed

WIDTH = 78
"""Columns that a mail has room for when it is quoted once."""
SCREEN = 24
MARKER = "---- the whole report ----"
_PROSE = 72
_LINE_MOST = 998
"""What SMTP can transport (RFC 5321, 4.5.3.1.6)."""
_FAILING_MOST = 3
_PATH = re.compile(r"(?<![\w.])/(?:[\w.+@~:-]+/)+([\w.+@~-]+)")
"""A path that begins at the root: it means nothing on the reader's host."""


def mail_text(result: CheckResult) -> str:
    """Headers and body, in lines that a mail can have."""
    subject = result.patches[0] if result.patches else "the changes of the tree"
    lines = (*reply_head(subject, result.mail), "", *mail_lines(result))
    return "\n".join(part for line in lines for part in _transportable(line)) + "\n"


def _transportable(line: str) -> Iterator[str]:
    """*line* in parts that SMTP can transport: a word may be as long as it likes."""
    parts = range(0, max(len(line), 1), _LINE_MOST // 4)
    yield from (line[start : start + _LINE_MOST // 4] for start in parts)


def mail_lines(result: CheckResult) -> Iterator[str]:
    """The body: what was found, then everything."""
    yield from _screen(result)
    yield ""
    yield MARKER
    for config in result.configs:
        yield ""
        yield from _fitting(_config(config))
        if config.patched:
            yield "QEMU:"
            yield from folded_command(_portable(config.patched.command), "  ", WIDTH)
    yield ""
    yield from _prose(
        f"{NAME} runs kmap, kmap_atomic and kmap_local in a real i386 highmem kernel under QEMU, "
        f"one operation at a time, and compares each step with a reference model. "
        f"Seed {result.seed}."
    )


def _screen(result: CheckResult) -> Iterator[str]:
    """The part for everybody: the verdict, one program that shows it, and how to see it again."""
    worst = _worst(result)
    head, end = list(_verdict(result, worst)), list(_again(worst))
    room = max(SCREEN - len(head) - len(end), 0)
    shown = list(_fitting(_evidence(worst)))
    if len(shown) > room:
        shown = [*shown[: max(room - 1, 0)], "  ..."][:room]
    yield from (*head, *shown, *end)


def _worst(result: CheckResult) -> ConfigResult:
    """The configuration with the most important change."""
    return min(result.configs, key=lambda one: ORDER.index(one.change))


def _verdict(result: CheckResult, worst: ConfigResult) -> Iterator[str]:
    what = "this series" if len(result.patches) > 1 else "this patch"
    yield "Hi,"
    yield ""
    tool = f"{NAME} {version_text()}"
    yield from _prose(_portable(f"{tool} judged {what} on top of {result.base}."))
    yield from _prose(f"Result: {verdict_words(result)}")
    yield ""
    yield from _fitting(_subject(worst))
    others = len(result.configs) - 1
    if others:
        yield f"({others} further configuration{'s' * (others > 1)} below)"
    yield ""


def _subject(config: ConfigResult) -> Iterator[str]:
    """Which kernel was judged, and how many programs."""
    patched = config.patched
    hashed = f" (.config {patched.config_hash[:12]})" if patched else ""
    yield f"Config:     {config.words}{hashed}"
    if patched:
        yield f"Kernel:     {patched.release} on {patched.machine}"
        yield f"Programs:   {counts_words(config)}"


def _evidence(config: ConfigResult) -> Iterator[str]:
    """The failure, or the first program with the most important change."""
    if config.failure:
        yield from _failure(config.failure)
        return
    found = foremost_first(one for one in config.comparisons if one.change is config.change)
    if config.change is PatchEffect.BEHAVIOUR_CHANGED:
        yield from behaviour_lines(found, verbose=False)
    elif config.change not in (PatchEffect.UNCHANGED, PatchEffect.NOT_APPLICABLE):
        yield from comparison_lines(found[0])


def _again(config: ConfigResult) -> Iterator[str]:
    if config.portable:
        yield ""
        yield "To see it again:"
        yield from folded_command(_portable(config.portable), "  ", WIDTH)


def _config(config: ConfigResult) -> Iterator[str]:
    yield from _subject(config)
    yield from _failure(config.failure) if config.failure else _comparisons(config)


def _failure(failure: KernelFailure) -> Iterator[str]:
    yield f"Failed:     {failure.words}:"
    yield from (f"  {line}" for line in failure.lines)


def _comparisons(config: ConfigResult) -> Iterator[str]:
    if config.lost_evidence:
        yield f"No evidence from {', '.join(config.lost_evidence).lower()}:"
        yield from (f"{line}." for line in lost_words(config))
    yield from _failing(config)
    changed = [one for one in config.comparisons if one.change is PatchEffect.BEHAVIOUR_CHANGED]
    if changed:
        yield ""
        yield from behaviour_lines(changed, verbose=False)


def _failing(config: ConfigResult) -> Iterator[str]:
    kinds = (
        PatchEffect.NEWLY_FAILING,
        PatchEffect.CANNOT_JUDGE,
        PatchEffect.STILL_FAILING,
        PatchEffect.NEWLY_PASSING,
    )
    for kind in kinds:
        found = foremost_first(one for one in config.comparisons if one.change is kind)
        for one in found[:_FAILING_MOST]:
            yield ""
            yield from comparison_lines(one)
            yield from _messages(one)
        if len(found) > _FAILING_MOST:
            yield f"... and {len(found) - _FAILING_MOST} more {kind.value}"


def _messages(one: Comparison) -> Iterator[str]:
    """The whole first message of a kernel that fails newly."""
    if one.patched and one.change is PatchEffect.NEWLY_FAILING:
        for lines in one.patched.messages[:1]:
            yield "    the kernel said:"
            yield from (f"      {line}" for line in lines)


def _prose(text: str) -> list[str]:
    return textwrap.wrap(text, _PROSE, break_long_words=False, break_on_hyphens=False)


def _fitting(lines: Iterable[str]) -> Iterator[str]:
    """*lines* without paths of this host, in the columns that a mail has."""
    return folded_all(narrowed(map(_portable, lines)), WIDTH)


def _portable(text: str) -> str:
    """*text* with the name of each file instead of its path on this host."""
    return _PATH.sub(r"\1", text)
