"""The contract of interrupts that come in the middle of an operation.

Their mappings have entries of their own, show their own pages, and leave no trace.
"""

from collections.abc import Iterator

from harness.model.contract.view import View, Violation
from harness.model.records import vector
from harness.model.records.interrupt import IN_USE, TORN
from harness.model.records.layout import same_translation
from harness.model.records.operation import Prot


def interrupts(v: View) -> Iterator[Violation]:
    """Each mapping has an entry that no other is on, maps its page, and is gone afterwards.

    Any correct kernel, because what was interrupted does not know of it: nothing that it holds,
    or is about to hold, may be touched.
    """
    armed = v.before.tasks[v.op.task].armed
    records = [one for one in v.seen.interrupts if not one.flags & TORN]
    if not records or armed is None:
        return
    layout, step = v.machine.layout, v.machine.increment
    first, last = records[0], records[-1]
    beside = int(layout.debug_kmap_local)
    held = first.depth + beside if first.depth else 0
    taken = {layout.window_index(v.seen.cpu, at) for at in range(held)}
    for level, one in enumerate(records[:-1]):
        if one.flags & IN_USE:
            yield Violation(
                "interrupt-slot", f"an interrupt found {one.address:#x} in use, by {one.pte:#x}"
            )
            continue
        page, index = armed.page + level, layout.fixindex(one.address)
        own = v.machine.in_window(one.address) and v.machine.window_owner(index) == v.seen.cpu
        if one.depth != first.depth + level * step or not own or index in taken:
            yield Violation(
                "interrupt-nesting", f"depth {one.depth} of an interrupt gave {one.address:#x}"
            )
        taken.update(range(index, index + 1 + beside))
        if not same_translation(one.pte, v.machine.pte(page, Prot.KERNEL)):
            yield Violation("interrupt-pte", f"{one.address:#x} in an interrupt: PTE {one.pte:#x}")
        words = {vector.get(state.memory, page).get(0, 0) for state in (v.before, v.after)}
        if one.value not in words:
            yield Violation(
                "interrupt-data", f"page {page} read as {one.value:#x} in an interrupt"
            )
    if last.depth != first.depth:
        yield Violation(
            "interrupt-depth", f"an interrupt came at depth {first.depth}, left {last.depth}"
        )


def torn(v: View) -> Iterator[Violation]:
    """In the middle of an operation an entry is the old one, the new one, or none.

    Any correct kernel, because the CPU walks the page tables at any time, and keeps what it finds:
    half of an entry leads to a page that is nobody's, or somebody else's.
    """
    for one in v.seen.interrupts:
        if one.flags & TORN:
            told = f"{one.address:#x} was {one.pte:#x} in the middle, and neither before nor after"
            yield Violation("interrupt-torn", told)


RULES = (interrupts, torn)
