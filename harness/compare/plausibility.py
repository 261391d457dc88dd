"""Checks that a variable of the kernel means what the harness takes it for.

A patch may give a variable another meaning and leave its name, its size and its place.  What it
shows is then no evidence, and no divergence may rest on it.  The first steps of a run tell: the
page tables and the operations say what the variable would have to show.
"""

from collections.abc import Iterator
from typing import NamedTuple

from harness.model.contract.users import pages_concerned, users_after
from harness.model.records import vector
from harness.model.records.machine import Machine
from harness.model.records.observation import ASLEEP, Observation
from harness.model.records.operation import OpCode, Operation
from harness.model.records.state import State


class LostEvidence(NamedTuple):
    """Evidence that is none: its names, as the mask has them, and what showed that."""

    names: frozenset[str]
    reason: str


_COUNTS = frozenset({"counts"})
_QUEUE = frozenset({"waiters", "wakes"})
_CURSOR = frozenset({"cursor"})


def proves_counts(rule: str) -> bool:
    """Tell whether agreement with this branch of the model shows that a count of 2 is one user.

    The first kmap of a page does.
    """
    return rule.startswith(("kmap.above", "kmap.wrap"))


def shows_counts(machine: Machine, before: State, op: Operation, seen: Observation) -> bool:
    """Tell whether the first kmap of a page has given its slot, wherever it is, a count of 2."""
    first = op.code == OpCode.KMAP and users_after(machine, before, op, seen, op.page) == 1
    return first and any(
        one.count == 2 and machine.page_of(one.pte) == op.page for one in seen.slots
    )


def implausible(
    machine: Machine, before: State, op: Operation, seen: Observation, *, proven: bool
) -> Iterator[LostEvidence]:
    """The variables that, as *seen* shows, mean something else.

    *proven*: ``pkmap_count`` has been what it was taken for.  A number that is wrong after that
    is a bug of the kernel, or its behaviour, and no other meaning.
    """
    if not proven and op.code != OpCode.SET_PTE and not before.tampered:
        yield from _odd_counts(machine, before, op, seen)
    if seen.status in ASLEEP and not seen.waiters:
        yield LostEvidence(_QUEUE, "a task sleeps in kmap, and pkmap_map_wait is empty")
    if not 0 <= seen.cursor < machine.layout.last_pkmap:
        yield LostEvidence(_CURSOR, f"last_pkmap_nr holds {seen.cursor:#x}, which is no slot")


def _odd_counts(
    machine: Machine, before: State, op: Operation, seen: Observation
) -> Iterator[LostEvidence]:
    changes = {change.slot: change for change in seen.slots}
    for page in pages_concerned(machine, before, op, seen):
        users = users_after(machine, before, op, seen, page)
        slots = (one for one in changes.values() if machine.page_of(one.pte) == page)
        change = next(slots, None)
        count = _count(machine, before, page) if change is None else change.count
        if count is not None and users >= 0 and count != users + 1:
            shows = f"pkmap_count shows {count} for a page with {users} users, and a PTE"
            yield LostEvidence(_COUNTS, shows)
            return


def _count(machine: Machine, before: State, page: int) -> int | None:
    """The count of a page's slot that did not change; None of a page that is nowhere."""
    address = vector.get(before.where, page)
    if not address:
        return None
    return vector.get(before.slots, machine.layout.pkmap_slot(address)).count


def recounted(state: State) -> State:
    """*state* as page tables and operations tell it, without the counts."""
    for slot, held in enumerate(vector.items(state.slots)):
        count = max(held.count, 1) if held.pte else 0
        if count != held.count:
            state = state.with_slot(slot, count, held.pte)
    return state
