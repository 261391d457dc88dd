"""Explains what the kernel's own users leave in pkmap when processes run, as in a WORKLOAD.

Exec maps its arguments there to 5.15, for example.  Such a user gives back what it has mapped: its
slots stand at 1, and it may have brought about a flush of all slots that nobody uses, ours too.
"""

from harness.model.records import vector
from harness.model.records.layout import FRAME_MASK, PAGE_SHIFT
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation, SlotChange
from harness.model.records.outcome import Outcome, differences
from harness.model.records.snapshots import with_foreign_slot
from harness.model.records.state import State


def explain_with_processes(
    machine: Machine, state: State, outcome: Outcome, seen: Observation
) -> Outcome | None:
    """*outcome* with the changes of the kernel's own users, or None if one is no such change."""
    if not all(_returned(machine, state, change) for change in seen.slots):
        return None
    plain = seen._replace(
        slots=outcome.observation.slots,
        cursor=outcome.observation.cursor,
        stale_address=outcome.observation.stale_address,
    )
    if differences(outcome, plain):
        return None
    after = outcome.state
    for change in seen.slots:
        after = with_foreign_slot(machine, after, change.slot, max(change.count, 0), change.pte)
    return outcome._replace(state=after.with_cursor(seen.cursor))


def _returned(machine: Machine, state: State, change: SlotChange) -> bool:
    """Tell whether a slot that nobody used is unused again: flushed, or with another's page."""
    if vector.get(state.slots, change.slot).count > 1 or change.count > 1:
        return False
    if not change.pte:
        return change.count <= 0
    return (change.pte & FRAME_MASK) >> PAGE_SHIFT not in machine.ids
