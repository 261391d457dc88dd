"""The contract of interrupts that come in the middle of an operation.

Their mappings nest, show their own pages, and leave no trace.
"""

from collections.abc import Iterator

from harness.model.contract.view import View, Violation
from harness.model.records import vector
from harness.model.records.interrupt import IN_USE
from harness.model.records.operation import Prot


def interrupts(v: View) -> Iterator[Violation]:
    """An interrupt maps its page in the slot above the interrupted ones; then it is gone."""
    armed = v.before.tasks[v.op.task].armed
    if not v.seen.interrupts or armed is None:
        return
    layout, step = v.machine.layout, v.machine.increment
    first, last = v.seen.interrupts[0], v.seen.interrupts[-1]
    for level, one in enumerate(v.seen.interrupts[:-1]):
        if one.flags & IN_USE:
            yield Violation(
                "interrupt-slot", f"an interrupt found {one.address:#x} in use, by {one.pte:#x}"
            )
            continue
        page = armed.page + level
        own = layout.fixaddr(layout.window_index(v.seen.cpu, one.depth + step - 1))
        if one.depth != first.depth + level * step or one.address != own:
            yield Violation(
                "interrupt-nesting", f"depth {one.depth} of an interrupt gave {one.address:#x}"
            )
        if one.pte != v.machine.pte(page, Prot.KERNEL):
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
