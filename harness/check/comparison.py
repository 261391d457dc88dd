"""The effect of a patch on one program: its outcomes on base and patched kernel compared."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.check.checked_program import CRASH, NOT_DECIDED, CheckedKind, CheckedProgram
from harness.scenario.program import BOOT


class PatchEffect(StrEnum):
    """How a program's outcome on the patched kernel differs from that on the base."""

    NEWLY_FAILING = "newly failing"
    CANNOT_JUDGE = "cannot judge"
    BEHAVIOUR_CHANGED = "behaviour changed"
    STILL_FAILING = "still failing"
    NEWLY_PASSING = "newly passing"
    UNCHANGED = "unchanged"
    NOT_APPLICABLE = "not applicable"


ORDER = tuple(PatchEffect)
"""Most important first."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One program in one configuration: both outcomes, and what changed, with the reason."""

    config: str
    program: str
    change: PatchEffect
    base: CheckedProgram | None
    patched: CheckedProgram | None
    why: str = ""
    confirmed: int = 0
    """Number of the ``tried`` further runs, each in a guest of its own, that failed too."""
    tried: int = 0
    after: bool | None = None
    """True if it failed after the programs before it; None where that was not tried."""


def foremost_first(found: Iterable[Comparison]) -> list[Comparison]:
    """The programs whose failure came again, then the others; the shortest first.

    A short program that fails each time is the one to look into.  The boot comes before them all:
    what it leaves behind may be what the others fail of.
    """
    return sorted(
        found,
        key=lambda one: (
            one.program != BOOT,
            not one.confirmed and not one.after,
            _length(one),
        ),
    )


def shortest_first(found: Iterable[Comparison]) -> list[Comparison]:
    """The programs by the number of their steps."""
    return sorted(found, key=_length)


def _length(one: Comparison) -> int:
    return one.patched.steps if one.patched else 0


def compare(
    config: str, base: Iterable[CheckedProgram], patched: Iterable[CheckedProgram]
) -> tuple[Comparison, ...]:
    """Compare every program of both kernels, in the patched kernel's order."""
    old: Mapping[str, CheckedProgram] = {one.program: one for one in base}
    new: Mapping[str, CheckedProgram] = {one.program: one for one in patched}
    names = (*new, *(name for name in old if name not in new))
    missed = {name: _missed(new if name in old else old) for name in {*old} ^ {*new}}
    return tuple(
        _comparison(config, name, old.get(name), new.get(name), missed.get(name, ""))
        for name in names
    )


def _missed(ran: Mapping[str, CheckedProgram]) -> str:
    """The reason why a program did not run: the programs that ended a guest, if they are known."""
    ended = [one.program for one in ran.values() if CRASH in one.rules or one.reason]
    if not ended:
        return "no guest came so far"
    return (
        f"a guest ended in {_listed(ended[:_NAMED])}, and the next one does not generate it again"
    )


def _comparison(
    config: str,
    name: str,
    base: CheckedProgram | None,
    patched: CheckedProgram | None,
    missed: str,
) -> Comparison:
    change, why = effect_of(base, patched, missed)
    return Comparison(config, name, change, base, patched, why)


def effect_of(
    base: CheckedProgram | None, patched: CheckedProgram | None, missed: str = ""
) -> tuple[PatchEffect, str]:
    """The change between two outcomes of a program, and its reason.

    None stands for a kernel on which the program did not run; *missed* says why it did not.
    """
    silent = _no_verdict(base, patched, missed)
    if silent or base is None or patched is None:
        return PatchEffect.CANNOT_JUDGE, silent
    if patched.kind is CheckedKind.NOT_APPLICABLE:
        return _left_out(base, patched)
    if patched.kind is CheckedKind.CONTRACT:
        return _failing(base, patched)
    if base.kind is CheckedKind.CONTRACT:
        return PatchEffect.NEWLY_PASSING, f"the base breaks {_listed(base.rules)}"
    return _passing(base, patched)


_NAMED = 3
"""Programs that a reason names."""
_SILENT = (CheckedKind.ERROR, CheckedKind.UNKNOWN)


def _no_verdict(base: CheckedProgram | None, patched: CheckedProgram | None, missed: str) -> str:
    """Why there is no verdict, if there is none; the patched kernel's reason comes first."""
    for one, what in ((patched, "patched kernel"), (base, "base")):
        if one is None:
            return f"it was not run on the {what}: {missed}"
        if one.kind in _SILENT:
            return f"{what}: {one.reason or one.kind.value}"
    return ""


def _left_out(base: CheckedProgram, patched: CheckedProgram) -> tuple[PatchEffect, str]:
    """A function that a patch has inlined has no sweep, and a new lock no gate: no fault."""
    allowed = patched.reason.startswith(("requires IN_", NOT_DECIDED))
    if allowed or base.kind is CheckedKind.NOT_APPLICABLE:
        return PatchEffect.NOT_APPLICABLE, patched.reason
    return PatchEffect.CANNOT_JUDGE, f"no longer applicable: {patched.reason}"


def _failing(base: CheckedProgram, patched: CheckedProgram) -> tuple[PatchEffect, str]:
    """A failure is new if it breaks a rule that the base keeps, whatever else the base does."""
    new = patched.rules - base.rules
    if new:
        return PatchEffect.NEWLY_FAILING, f"breaks {_listed(new)}"
    return PatchEffect.STILL_FAILING, f"the base breaks {_listed(patched.rules)} too"


def _passing(base: CheckedProgram, patched: CheckedProgram) -> tuple[PatchEffect, str]:
    """Neither kernel breaks the contract: known bugs and behaviour may still differ."""
    known = set(patched.known) & set(base.vanished)
    if known:
        why = f"shows the known bug {_listed(known)}, which the base does not have"
        return PatchEffect.NEWLY_FAILING, why
    if base.kind is CheckedKind.NOT_APPLICABLE:
        return _newly_run(base)
    if patched.behaviours != base.behaviours:
        shown = _difference(base.behaviours, patched.behaviours)
        return PatchEffect.BEHAVIOUR_CHANGED, shown
    if patched.facts != base.facts:
        shown = _difference(frozenset(base.facts), frozenset(patched.facts))
        return PatchEffect.BEHAVIOUR_CHANGED, shown
    gone = set(base.known) & set(patched.vanished)
    if gone:
        return PatchEffect.NEWLY_PASSING, f"no longer shows the known bug {_listed(gone)}"
    return PatchEffect.UNCHANGED, ""


def _newly_run(base: CheckedProgram) -> tuple[PatchEffect, str]:
    """A program that keeps the contract, and that the base could not run."""
    if base.reason.startswith(NOT_DECIDED):
        return PatchEffect.NOT_APPLICABLE, f"base: {base.reason}"
    return PatchEffect.NEWLY_PASSING, "it did not apply to the base"


def _difference(base: frozenset[str], patched: frozenset[str]) -> str:
    new, gone = patched - base, base - patched
    words = [f"now {_listed(new)}"] if new else []
    words += [f"no longer {_listed(gone)}"] if gone else []
    return "; ".join(words)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
