"""Judged cases of broken rules, in words and as JSON values."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

from harness.misuse.case_judge import CaseOutcome, JudgedCase
from harness.misuse.misuse_case import ConsoleExpectation, MisuseCase
from harness.report.folding import WIDTH

_GOOD = (CaseOutcome.EXPECTED, CaseOutcome.NOT_APPLICABLE)


def misuse_lines(release: str, judged: Sequence[JudgedCase], chosen: int) -> Iterator[str]:
    """The table for people: each case, what is expected, what was said.

    Without a verdict where fewer cases were judged than *chosen*.
    """
    yield f"kernel   {release}; rules broken on purpose, each in a guest of its own"
    for one in judged:
        yield f"{one.case.id:<25} {one.outcome.value.upper()}"
        yield from _indented(one.case.rule)
        if one.expected:
            yield from _indented(
                f"expected: {expected_words(one.expected)}: {one.expected.source}"
            )
            yield from _indented(f"said: {'; '.join(one.said) or 'nothing'}")
        for line in one.wrong:
            yield from _indented(f"-> {line}" if one.outcome not in _GOOD else line)
    counts = {outcome: sum(one.outcome is outcome for one in judged) for outcome in CaseOutcome}
    yield "all      " + ", ".join(
        f"{count} {outcome.value}" for outcome, count in counts.items() if count
    )
    if len(judged) < chosen:
        yield f"verdict  none: {len(judged)} of {chosen} cases were judged"
    else:
        yield f"verdict  {'AS EXPECTED' if agree(judged) else 'DIVERGES'}"


def agree(judged: Sequence[JudgedCase]) -> bool:
    """Tell whether every case that applies is as expected, and any applies."""
    ran = any(one.outcome is CaseOutcome.EXPECTED for one in judged)
    return ran and all(one.outcome in _GOOD for one in judged)


def expected_words(expected: ConsoleExpectation) -> str:
    """The reports expected, in words."""
    return ", then ".join(_readable(pattern) for pattern in expected.says) or "silence"


def _readable(pattern: str) -> str:
    """A regular expression of the table, for people."""
    for written, meant in (("^", ""), (r":\d+", ""), ("(?:at )?", ""), (".*", "..."), ("\\", "")):
        pattern = pattern.replace(written, meant)
    return pattern


def misuse_table(cases: Sequence[MisuseCase]) -> Iterator[str]:
    """Every case with what each kernel and configuration says to it, as Markdown."""
    yield "| case | rule, and how it is broken | kernel | expected | because |"
    yield "|---|---|---|---|---|"
    for case in cases:
        for number, one in enumerate(case.expectations):
            first = ("", "") if number else (f"`{case.id}`", case.rule)
            yield f"| {' | '.join((*first, one.when, expected_words(one), one.source))} |"


def _indented(text: str) -> Iterator[str]:
    yield from wrap(text, WIDTH, initial_indent="    ", subsequent_indent="      ")


def misuse_value(release: str, judged: Sequence[JudgedCase], error: str = "") -> dict[str, Any]:
    """The same as one JSON object; *error* says what has ended it early."""
    return {
        "format": 1,
        "release": release,
        "error": error or None,
        "as_expected": None if error else agree(judged),
        "cases": [
            {
                "id": one.case.id,
                "rule": one.case.rule,
                "scenario": one.case.scenario,
                "outcome": one.outcome.value,
                "when": one.expected.when if one.expected else None,
                "expected": one.expected.says if one.expected else None,
                "said": one.said,
                "wrong": one.wrong,
            }
            for one in judged
        ],
    }
