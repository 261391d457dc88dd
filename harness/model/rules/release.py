"""kunmap: the release under the lock, and the tasks that it wakes (mm/highmem.c, ``kunmap_high``)."""

from harness.model.records import vector
from harness.model.rules import pkmap
from harness.model.rules.bookkeeping import atomic, page_address_allowed
from harness.model.rules.draft import Draft
from harness.model.rules.wakeups import wake


def kunmap(d: Draft) -> list[Draft] | None:
    """``kunmap``, and what the tasks it wakes do: one draft for each outcome."""
    page = d.op.page
    if not d.machine.pages[page].highmem:
        d.rule = "kunmap.lowmem"
        d.pte_address = d.machine.direct[page]
        return None
    if d.locked:
        d.lost = pkmap.LOST_LOCK
        return None
    if page_address_allowed(d):
        d.pte_address = vector.get(d.where, page)
    if not pkmap.release(d, page):
        return None
    d.wakes = 1
    if atomic(d) and (d.irqs_off or d.machine.layout.rt):
        d.lost = "kunmap in an atomic section has woken tasks: nobody waits for what they do"
        return None
    return wake(d)
