"""Follows and counts changes by other users of the mappings: they are no fault of the kernel.

A change is another user's only if no page of ours is in it, before or after; in the
windows, only on other CPUs (kernels with HIGHPTE map page tables there, arch/x86, to 6.12).
"""

from collections.abc import Callable
from typing import NamedTuple

from harness.model.records import vector
from harness.model.records.layout import FRAME_MASK, PAGE_SHIFT
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation, SlotChange, WindowChange
from harness.model.records.operation import Operation
from harness.model.records.outcome import Outcome, differences
from harness.model.records.snapshots import with_foreign_slot
from harness.model.records.state import State
from harness.model.rules.step import step


class _Theirs(NamedTuple):
    """The changes that no page of ours is in."""

    slots: tuple[SlotChange, ...]
    windows: tuple[WindowChange, ...]


See = Callable[[Observation], Observation]
"""Makes of an observation what this guest can show of it."""


class _Case(NamedTuple):
    """A step to explain, and the state before it."""

    machine: Machine
    state: State
    operation: Operation
    seen: Observation
    see: See

    def outcomes(self, state: State) -> tuple[Outcome, ...]:
        """The outcomes of the operation from *state*, as far as this guest shows them."""
        return tuple(
            one._replace(observation=self.see(one.observation))
            for one in step(self.machine, state, self.operation)
        )


class ExplainedStep(NamedTuple):
    """A step that changes of other users explain: the outcome with them, and their number."""

    outcome: Outcome
    slots: int
    windows: int


def explain_with_others(
    machine: Machine, state: State, operation: Operation, seen: Observation, see: See
) -> ExplainedStep | None:
    """Explain *seen* by *operation* and changes of other users before or after it, or None."""
    case = _Case(machine, state, operation, seen, see)
    for outcome in case.outcomes(state):
        theirs = _Theirs(
            tuple(set(seen.slots) - set(outcome.observation.slots)),
            tuple(set(seen.windows) - set(outcome.observation.windows)),
        )
        if not any(theirs) or not _all_foreign(machine, state, seen.cpu, theirs):
            continue
        found = _after(machine, outcome, seen, theirs) or _before(case, theirs)
        if found:
            return ExplainedStep(found, len(theirs.slots), len(theirs.windows))
    return None


def _all_foreign(machine: Machine, state: State, cpu: int, theirs: _Theirs) -> bool:
    return all(
        _foreign(machine, change.pte, vector.get(state.slots, change.slot).pte)
        for change in theirs.slots
    ) and all(
        _foreign(machine, change.pte, state.windows.get(change.index, 0))
        and machine.window_owner(change.index) != cpu
        for change in theirs.windows
    )


def _foreign(machine: Machine, new: int, old: int) -> bool:
    ours = any(pte and (pte & FRAME_MASK) >> PAGE_SHIFT in machine.ids for pte in (new, old))
    return bool(new or old) and not ours


def _apply(machine: Machine, state: State, theirs: _Theirs) -> State:
    for change in theirs.slots:
        count = change.count if change.count >= 0 else 2 if change.pte else 0
        state = with_foreign_slot(machine, state, change.slot, count, change.pte)
    for entry in theirs.windows:
        state = state.with_window(entry.index, entry.pte)
    return state


def _without(seen: Observation, theirs: _Theirs) -> Observation:
    return seen._replace(
        slots=tuple(change for change in seen.slots if change not in theirs.slots),
        windows=tuple(change for change in seen.windows if change not in theirs.windows),
    )


def _after(
    machine: Machine, outcome: Outcome, seen: Observation, theirs: _Theirs
) -> Outcome | None:
    """Ours first, then theirs: only their changes and the cursor may differ."""
    ours = _without(seen, theirs)
    if seen.cursor in {change.slot for change in theirs.slots}:
        ours = ours._replace(cursor=outcome.observation.cursor)
    if differences(outcome, ours):
        return None
    state = _apply(machine, outcome.state, theirs).with_cursor(seen.cursor)
    return outcome._replace(state=state)


def _before(case: _Case, theirs: _Theirs) -> Outcome | None:
    """Theirs first: the step is taken from the state that they have left."""
    changed = _apply(case.machine, case.state, theirs)
    ours = _without(case.seen, theirs)
    for cursor in (case.state.cursor, *(change.slot for change in theirs.slots)):
        for outcome in case.outcomes(changed.with_cursor(cursor)):
            if not differences(outcome, ours):
                return outcome
    return None
