"""Concurrent histories as programs of a check: one for each regime."""

from collections.abc import Iterator, Sequence

from harness.check.checked_program import (
    CRASH,
    CheckedKind,
    CheckedProgram,
    Finding,
    message_name,
)
from harness.history.histories_result import HistoriesResult, JudgedHistory

ODD = "not what the order of its lock leads to"
"""The name of the behaviour that differs from the replay in the lock's order."""
_TITLE = "threads on several CPUs at full speed, and an order that explains what they saw"


def history_programs(result: HistoriesResult) -> tuple[CheckedProgram, ...]:
    """The programs of a run; its crash and its messages belong to the regime that ran last."""
    regimes = list(dict.fromkeys(one.regime for one in result.histories))
    programs = [
        _program(name, [one for one in result.histories if one.regime == name]) for name in regimes
    ]
    ended = tuple(_ended(result))
    if programs and result.error:
        programs.append(
            CheckedProgram("histories", CheckedKind.ERROR, _TITLE, reason=result.error)
        )
    if not ended or not programs:
        return tuple(programs)
    last = programs[-1]
    broken = (*last.broken, *ended)
    return (*programs[:-1], _judged(last.program, last.steps, broken, last.changed))


def _program(regime: str, histories: Sequence[JudgedHistory]) -> CheckedProgram:
    name, steps = f"histories-{regime.replace(' ', '-')}", sum(one.operations for one in histories)
    broken = tuple(_broken(name, histories))
    odd = [one for one in histories if one.odd]
    changed = tuple(
        Finding(ODD, f"{name}, seed {one.seed}", len(odd), (one.odd,)) for one in odd[:1]
    )
    cut = [one for one in histories if not one.complete]
    if cut and not broken:
        reason = f"the log of {len(cut)} of {len(histories)} histories is not complete"
        return CheckedProgram(name, CheckedKind.UNKNOWN, _TITLE, steps, reason=reason)
    return _judged(name, steps, broken, changed)


def _judged(
    name: str, steps: int, broken: tuple[Finding, ...], changed: tuple[Finding, ...]
) -> CheckedProgram:
    kind = CheckedKind.BEHAVIOUR if changed else CheckedKind.AGREE
    kind = CheckedKind.CONTRACT if broken else kind
    return CheckedProgram(name, kind, _TITLE, steps, broken=broken, changed=changed)


def _broken(name: str, histories: Sequence[JudgedHistory]) -> Iterator[Finding]:
    """Each rule that no order of a history keeps, with the shortest window of the first one."""
    rules = dict.fromkeys(found.rule for one in histories for found in one.violations)
    for rule in rules:
        all_of_it = [one for one in histories if any(rule is it.rule for it in one.violations)]
        first = all_of_it[0]
        place = f"{name}, seed {first.seed}"
        yield Finding(f"order: {rule.value}", place, len(all_of_it), first.window)


def _ended(result: HistoriesResult) -> Iterator[Finding]:
    for said in dict.fromkeys(result.troubles):
        yield Finding(message_name(said), "histories", result.troubles.count(said), (said,), said)
    if result.crash:
        yield Finding(CRASH, "histories", 1, tuple(result.crash.splitlines()))
