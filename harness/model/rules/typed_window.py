"""The module's typed window (kmod/typed.c): the interface of 2.6.24 over real page tables.

The rules are those of ``typed``, except that the caller disables preemption itself, and that a
BUG is reported (``Status.BUG``) and changes nothing.  Each CPU has a window with the types of
2.6.24; behind these there is, for each CPU, a window with those of 2.6.32.
"""

from harness.model.records.km_type import typed_entry
from harness.model.records.layout import PAGE_MASK
from harness.model.records.observation import Status
from harness.model.rules.draft import Draft


def entry(d: Draft) -> int:
    """``type + KM_TYPE_NR * smp_processor_id()``, as an index of the typed window."""
    return typed_entry(d.op.value, d.task.cpu, d.machine.layout.online_cpus)


def kmap_atomic(d: Draft) -> None:
    """``kmap_atomic(page, type)``: lowmem pages are not mapped, and not checked."""
    index = entry(d)
    if not d.machine.pages[d.op.page].highmem:
        d.rule = "typed-window.map.lowmem"
        d.result(d.machine.direct[d.op.page])
    elif d.state.windows.get(index, 0):
        d.rule = "typed-window.bug-in-use"
        d.status = Status.BUG
    else:
        d.rule = "typed-window.map"
        d.set_window(index, d.new_pte())
        d.result(d.machine.layout.fixaddr(index))


def kunmap_atomic(d: Draft) -> None:
    """``kunmap_atomic(address, type)``: with another type nothing is unmapped."""
    index = entry(d)
    d.pte_address = d.address()
    address = d.pte_address & PAGE_MASK
    if address != d.machine.layout.fixaddr(index):
        d.rule = "typed-window.unmap-other"
        return
    d.rule = "typed-window.unmap"
    d.set_window(index, 0)
    if d.state.stale:
        d.forget_stale(address)
