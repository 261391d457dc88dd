"""The result of one program on one kernel, in few words that can be stored and compared.

A program's result holds every divergence as the model knows it.  Two kernels are compared by the
rules of the contract that each broke, and by the behaviour in which each differed from the model.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
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
"""The rule that is broken if the module and the outside witness contradict each other."""
MESSAGE = "kernel message"
NOT_DECIDED = "its schedules were not run"
"""The beginning of the reason for which the schedules of a program do not apply."""
_VOLATILE = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8}\b|\d+")
"""Parts of a kernel message that differ from run to run."""
_ORDER = "order of the windows in the fixmap"
_PICTURED = 3
"""Number of changed behaviours of a program that are shown with a picture."""


class CheckedKind(StrEnum):
    """How a program ended on one kernel."""

    AGREE = "agree"
    BEHAVIOUR = "behaviour"
    CONTRACT = "contract"
    UNKNOWN = "unknown"
    ERROR = "error"
    NOT_APPLICABLE = "not applicable"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was seen and that the model does not allow.

    ``count`` says how often it was seen; ``place`` and ``lines`` show the first time.  ``said``
    is the kernel's own line, whose numbers ``what`` leaves out, since they differ from run to run.
    """

    what: str
    place: str
    count: int
    lines: tuple[str, ...] = ()
    said: str = ""

    @property
    def words(self) -> str:
        """The finding as people read it, with the kernel's own line."""
        return f"{MESSAGE}: {self.said}" if self.said else self.what


@dataclass(frozen=True, slots=True)
class CheckedProgram:
    """How one program ended on one kernel.

    ``broken`` lists the broken rules of the contract, ``changed`` the behaviour that differs from
    the model.  ``known`` names the known bugs that showed, ``vanished`` those that should have
    shown and did not.  ``messages`` are kernel reports with all their lines.  ``reason`` says why
    there is no verdict, or why the program did not run.
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
    facts: tuple[str, ...] = ()
    """The boot's account of memory and addresses: a patch may change it."""

    @property
    def rules(self) -> frozenset[str]:
        """Names of the broken rules."""
        return frozenset(one.what for one in self.broken)

    @property
    def behaviours(self) -> frozenset[str]:
        """Names of the changed behaviours."""
        return frozenset(one.what for one in self.changed)


def checked_programs(result: RunResult) -> tuple[CheckedProgram, ...]:
    """Every program of a run; a crash belongs to the program that ran last."""
    last = len(result.programs) - 1
    programs = tuple(
        checked_program(one, crash=result.crash if number == last else "")
        for number, one in enumerate(result.programs)
    )
    if not result.layout or not result.layout.windows:
        return programs
    return tuple(map(_with_order, programs))


def _with_order(program: CheckedProgram) -> CheckedProgram:
    """*program* of a kernel whose windows do not lie one after the other."""
    if program.kind is not CheckedKind.AGREE or not program.steps:
        return program
    order = Finding(_ORDER, program.program, 1)
    return replace(program, kind=CheckedKind.BEHAVIOUR, changed=(order,))


def checked_program(program: ProgramOutcome, crash: str = "") -> CheckedProgram:
    """One program of a run; *crash* is the text of the crash that ended its guest, if any."""
    result, name, title = program.result, program.name, program.title
    if result is None and not crash:
        reason = program.not_applicable
        return CheckedProgram(name, CheckedKind.NOT_APPLICABLE, title, reason=reason)
    result = result or ProgramResult(name)
    broken, changed = (*_broken(result), *_crashed(result, crash)), tuple(_changed(result))
    return CheckedProgram(
        program=name,
        kind=_kind(result, bool(broken), bool(changed)),
        title=title,
        steps=result.judged,
        unjudged=result.unjudged,
        broken=broken,
        changed=changed,
        known=tuple(sorted(result.known)),
        vanished=tuple(sorted(result.vanished)),
        messages=tuple(one.lines for one in result.unexplained),
        reason=result.ended or result.unknown_because,
        facts=result.facts,
    )


def _kind(result: ProgramResult, broken: bool, changed: bool) -> CheckedKind:
    """A step that was not judged has kept no promise: at least half of them must have been."""
    if broken:
        return CheckedKind.CONTRACT
    if result.ended or not result.complete or result.nothing_executed:
        return CheckedKind.ERROR
    if not result.executes:
        return CheckedKind.AGREE
    if result.unjudged > result.judged:
        return CheckedKind.UNKNOWN
    if changed:
        return CheckedKind.BEHAVIOUR
    return CheckedKind.UNKNOWN if result.verdict is Verdict.UNKNOWN else CheckedKind.AGREE


def _crashed(result: ProgramResult, crash: str) -> tuple[Finding, ...]:
    return (Finding(CRASH, result.program, 1, tuple(crash.splitlines())),) if crash else ()


def _broken(result: ProgramResult) -> Iterable[Finding]:
    """Broken rules of the contract, then kernel messages that no step explains."""
    contract = [one for one in result.divergences if one.layer is Layer.CONTRACT]
    rules = Counter(rule for one in contract for rule in _rules(one))
    for rule, count in rules.items():
        first = next(one for one in contract if rule in _rules(one))
        yield Finding(rule, summary(first), count, _lines(first, pictured=True))
    titles = Counter(message_name(one.title) for one in result.unexplained)
    for title, count in titles.items():
        said = next(one for one in result.unexplained if message_name(one.title) == title)
        place = f"{result.program} step {said.step}" if said.step >= 0 else result.program
        yield Finding(title, place, count, said.lines, said.title)


def message_name(title: str) -> str:
    """The name of a kernel message, equal in every run."""
    return f"{MESSAGE}: {_VOLATILE.sub('#', title)}"


def _rules(one: Divergence) -> tuple[str, ...]:
    """The rules that a divergence breaks, by name."""
    if one.witnesses and one.operation is None:
        return (WITNESSES,)
    names = dict.fromkeys(reason.partition(":")[0] for reason in one.reasons)
    return tuple(names) or ("contract",)


def _changed(result: ProgramResult) -> Iterable[Finding]:
    """Behaviour that differs from the model, and ``expect`` lines of a scenario that fail."""
    behaviour = [one for one in result.divergences if one.layer is Layer.BEHAVIOUR]
    counts = Counter(_behaviour(one) for one in behaviour)
    for number, (what, count) in enumerate(counts.items()):
        first = next(one for one in behaviour if _behaviour(one) == what)
        yield Finding(what, summary(first), count, _lines(first, pictured=number < _PICTURED))
    if result.unrecorded:
        yield Finding("more of the same", result.program, result.unrecorded)
    yield from _failed_assertions(result)


def _failed_assertions(result: ProgramResult) -> Iterable[Finding]:
    counts = Counter(one.field for one in result.failed_assertions)
    for field, count in counts.items():
        failed = next(one for one in result.failed_assertions if one.field == field)
        place = f"{result.program}:{failed.line} step {failed.step}"
        quoted = (failed.text,) if failed.text else ()
        yield Finding(f"expected {field}", place, count, (*quoted, failed.words))


def _behaviour(one: Divergence) -> str:
    """The name of a changed behaviour: the operation and the fields that differ."""
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
