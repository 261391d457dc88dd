"""Users of a page: the kmaps that were completed and not undone, counted from the operations.

Nothing here reads ``pkmap_count``.  A kernel may keep its users otherwise, and one whose count is
wrong must not make its judge count wrongly too.
"""

from collections.abc import Iterator

from harness.model.records import vector
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation, Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.state import State


def users(machine: Machine, state: State, page: int) -> int:
    """Kmaps of *page* in *state* that have not been undone."""
    address = vector.get(state.where, page)
    if not address:
        return 0
    return max(vector.get(state.slots, machine.layout.pkmap_slot(address)).count - 1, 0)


def pages_concerned(
    machine: Machine, before: State, op: Operation, seen: Observation
) -> Iterator[int]:
    """Highmem pages that the step may have mapped, unmapped or moved."""
    pages = {op.page, *(before.tasks[done.task].page for done in seen.done)}
    for change in seen.slots:
        for pte in (change.pte, vector.get(before.slots, change.slot).pte):
            page = machine.page_of(pte)
            if page is not None:
                pages.add(page)
    for page in sorted(pages):
        if 0 <= page < len(machine.pages) and machine.pages[page].highmem:
            yield page


def users_after(
    machine: Machine, before: State, op: Operation, seen: Observation, page: int
) -> int:
    """Kmaps of *page* not undone after the step; below 0 where one was undone too many."""
    done = seen.status is Status.OK and op.page == page
    mapped = int(done and op.code == OpCode.KMAP)
    mapped += sum(1 for one in seen.done if before.tasks[one.task].page == page)
    return users(machine, before, page) + mapped - int(done and op.code == OpCode.KUNMAP)
