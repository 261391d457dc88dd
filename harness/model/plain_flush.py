"""A plain flush of pkmap: all unused slots at once (``pkmap.flush_all_zero``)."""

from harness.model import vector
from harness.model.draft import UNCLAIMED
from harness.model.layout import FRAME_MASK, PAGE_SHIFT
from harness.model.machine import Machine
from harness.model.observation import SlotChange
from harness.model.outcome import Outcome
from harness.model.plain_turn import Turn, outcome
from harness.model.state import Slot, State

_FREE = Slot(0, 0)


def _unused(state: State) -> list[int]:
    """Slots whose count is 1, in order."""
    digits = f"{state.ones:b}"
    last = len(digits) - 1
    return [last - at for at in range(last, -1, -1) if digits[at] == "1"]


def _cleared(machine: Machine, state: State, unused: list[int]) -> State:
    """*state* with the slots *unused* free, and the addresses of their pages forgotten."""
    slots, where = list(vector.items(state.slots)), list(vector.items(state.where))
    for slot in unused:
        page = machine.ids.get((slots[slot].pte & FRAME_MASK) >> PAGE_SHIFT)
        slots[slot] = _FREE
        if page is not None:
            where[page] = 0
    return state._replace(
        zeros=state.zeros | state.ones,
        ones=0,
        slots=vector.build(slots),
        where=vector.build(where),
        unflushed=0,
    )


def flush_unused(t: Turn) -> Outcome | None:
    """FLUSH_UNUSED with something to flush."""
    if t.task.atomic or not t.state.ones:
        return None
    unused = _unused(t.state)
    after = _cleared(t.machine, t.state, unused)
    changes = tuple([SlotChange(slot, 0, 0, 0) for slot in unused])
    found = outcome(t, after, "flush-unused.some", slots=changes)
    seen = found.observation._replace(flush_scans=1, flush_ranges=1, flush_cpus=UNCLAIMED)
    return found._replace(observation=seen)
