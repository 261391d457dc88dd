"""What a kernel did with one program, in few words that can be kept and compared.

A program's result holds every divergence as the model knows it; what is compared between two kernels
is which rules of the contract were broken, and which behaviour was another than the model's.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from harness.compare.divergence import Divergence, Layer, ProgramResult, Verdict
from harness.compare.divergence_words import (
    difference_lines,
    operation_words,
    picture_lines,
    summary,
)
from harness.run.run_result import ProgramOutcome, RunResult

CRASH = "crash"
WITNESSES = "witnesses"
"""The rule that is broken where module and outside witness contradict each other."""
MESSAGE = "kernel message"
_VOLATILE = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8}\b|\d+")
_PICTURED = 3
"""Examples of changed behaviour with a picture, for each program."""


class CheckedKind(StrEnum):
    """How a program ended, the worst last."""

    AGREE = "agree"
    BEHAVIOUR = "behaviour"
    CONTRACT = "contract"
    UNKNOWN = "unknown"
    ERROR = "error"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was seen and not allowed, in words.  ``count`` is how often, ``lines`` show the first."""

    what: str
    place: str
    count: int
    lines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckedProgram:
    """How one program ended on one kernel.

    ``broken`` are the rules of the contract that were not kept, ``changed`` the behaviour that was not
    the model's, ``known`` the known bugs that showed and ``vanished`` those that should have and did not.
    ``messages`` are kernel reports, whole; ``reason`` says why there is no verdict, or no run.
    """

    program: str
    kind: CheckedKind
    title: str = ""
    steps: int = 0
    unjudged: int = 0
    broken: tuple[Finding, ...] = ()
    changed: tuple[Finding, ...] = ()
    known: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()
    messages: tuple[tuple[str, ...], ...] = ()
    reason: str = ""

    @property
    def rules(self) -> frozenset[str]:
        """Names of the broken rules."""
        return frozenset(one.what for one in self.broken)

    @property
    def behaviours(self) -> frozenset[str]:
        """Names of the changed behaviours."""
        return frozenset(one.what for one in self.changed)


def checked_programs(result: RunResult) -> tuple[CheckedProgram, ...]:
    """The outcome of every program of a run; a crash belongs to the program that was running."""
    last = len(result.programs) - 1
    return tuple(
        checked_program(one, crash=result.crash if number == last else "")
        for number, one in enumerate(result.programs)
    )


def checked_program(program: ProgramOutcome, crash: str = "") -> CheckedProgram:
    """The outcome of one program; *crash* is what ended its guest, if anything did."""
    result = program.result
    if result is None and not crash:
        return CheckedProgram(
            program.name, CheckedKind.NOT_APPLICABLE, program.title, reason=program.not_applicable
        )
    result = result or ProgramResult(program.name)
    broken = (
        *_broken(result),
        *([Finding(CRASH, result.program, 1, tuple(crash.splitlines()))] if crash else ()),
    )
    changed = tuple(_changed(result))
    return CheckedProgram(
        program.name,
        _kind(result, bool(broken), bool(changed)),
        program.title,
        result.judged,
        result.unjudged,
        broken,
        changed,
        tuple(sorted(result.known)),
        tuple(sorted(result.vanished)),
        tuple(one.lines for one in result.unexplained),
        result.ended or result.unknown_because,
    )


def _kind(result: ProgramResult, broken: bool, changed: bool) -> CheckedKind:
    """What was not judged has kept no promise: half of the steps at least must have been."""
    if broken:
        return CheckedKind.CONTRACT
    if result.ended or not result.complete or not (result.judged or result.unjudged):
        return CheckedKind.ERROR
    if result.unjudged > result.judged:
        return CheckedKind.UNKNOWN
    if changed:
        return CheckedKind.BEHAVIOUR
    return CheckedKind.UNKNOWN if result.verdict is Verdict.UNKNOWN else CheckedKind.AGREE


def _broken(result: ProgramResult) -> Iterable[Finding]:
    contract = [one for one in result.divergences if one.layer is Layer.CONTRACT]
    rules = Counter(rule for one in contract for rule in _rules(one))
    for rule, count in rules.items():
        first = next(one for one in contract if rule in _rules(one))
        yield Finding(rule, summary(first), count, _lines(first, pictured=True))
    titles = Counter(f"{MESSAGE}: {_VOLATILE.sub('#', one.title)}" for one in result.unexplained)
    for title, count in titles.items():
        said = next(
            one for one in result.unexplained if title.endswith(_VOLATILE.sub("#", one.title))
        )
        where = f"{result.program} step {said.step}" if said.step >= 0 else result.program
        yield Finding(title, where, count, said.lines)


def _rules(one: Divergence) -> tuple[str, ...]:
    """The rules that a divergence breaks, by name."""
    if one.operation is None:
        return (WITNESSES,)
    return tuple(dict.fromkeys(reason.partition(":")[0] for reason in one.reasons)) or (
        "contract",
    )


def _changed(result: ProgramResult) -> Iterable[Finding]:
    behaviour = [one for one in result.divergences if one.layer is Layer.BEHAVIOUR]
    counts = Counter(_behaviour(one) for one in behaviour)
    for number, (what, count) in enumerate(counts.items()):
        first = next(one for one in behaviour if _behaviour(one) == what)
        yield Finding(what, summary(first), count, _lines(first, pictured=number < _PICTURED))
    if result.unrecorded:
        yield Finding("more of the same", result.program, result.unrecorded)
    expected = Counter(one.field for one in result.failed_assertions)
    for field, count in expected.items():
        failed = next(one for one in result.failed_assertions if one.field == field)
        seen = "nothing" if failed.seen is None else f"{failed.seen:#x}"
        place = f"{result.program}:{failed.line} step {failed.step}"
        yield Finding(
            f"expected {field}",
            place,
            count,
            (f"{field} {failed.wanted:#x} expected, {seen} seen",),
        )


def _behaviour(one: Divergence) -> str:
    """An operation and the fields that were not the model's: the same change, the same text."""
    if one.operation is None:
        return "state at rest"
    return f"{one.operation.code.name.lower()}: {', '.join(one.fields) or 'outcome'}"


def _lines(one: Divergence, *, pictured: bool) -> tuple[str, ...]:
    shown = picture_lines(one) if pictured else ()
    return (
        f"{operation_words(one)} at step {one.step}",
        *one.reasons,
        *difference_lines(one),
        *shown,
    )
