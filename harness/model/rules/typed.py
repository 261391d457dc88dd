"""The typed generation: one window entry for each CPU and type (arch/x86/mm/highmem_32.c, 2.6.24).

The type is the operation's ``value``: for KMAP_ATOMIC and KMAP_ATOMIC_PFN the one to map
with, for KUNMAP_ATOMIC the one that the caller names.  ``pagefault_disable`` of its time counts
in preempt_count, also without CONFIG_PREEMPT.
"""

from harness.model.records.km_type import slot
from harness.model.records.layout import PAGE_MASK
from harness.model.rules.draft import Draft, count, die


def type_index(d: Draft) -> int:
    """``type + KM_TYPE_NR * smp_processor_id()``, from FIX_KMAP_BEGIN."""
    layout = d.machine.layout
    return layout.window_index(d.task.cpu, slot(d.op.value, debug=layout.debug_highmem))


def map_type(d: Draft, *, check: bool) -> None:
    """Write the entry of the type; a BUG if it is in use, which the pfn form does not look for."""
    index = type_index(d)
    held = d.state.windows.get(index, 0)
    if held and check:
        die(d, "typed.bug-in-use")
        return
    address = d.machine.layout.fixaddr(index)
    d.mark_stale(d.task.cpu, address, held)
    d.set_window(index, d.new_pte())
    d.result(address)
    d.rule += ".typed"


def kmap_atomic(d: Draft) -> None:
    """``kmap_atomic(page, type)``: lowmem pages are not mapped, and not checked for nesting."""
    d.rule = "typed.map"
    count(d, preempt=1)
    if d.machine.pages[d.op.page].highmem:
        map_type(d, check=True)
    else:
        d.result(d.machine.direct[d.op.page])
        d.rule += ".lowmem"


def kmap_atomic_pfn(d: Draft) -> None:
    """``kmap_atomic_pfn(pfn, type)``."""
    d.rule = "typed.map-pfn"
    count(d, preempt=1)
    map_type(d, check=False)


def kunmap_atomic(d: Draft) -> None:
    """``kunmap_atomic(address, type)`` unmaps only the address of this type on this CPU.

    With another type, or on another CPU, the entry stays: the next map of its type is a BUG.
    """
    d.pte_address = d.address()
    address = d.pte_address & PAGE_MASK
    index = type_index(d)
    layout = d.machine.layout
    if address == layout.fixaddr(index):
        d.rule = "typed.unmap"
        d.set_window(index, 0)
        d.invlpg(address)
    else:
        d.rule = "typed.unmap-other"
        if layout.debug_highmem and not layout.page_offset <= address < layout.high_memory:
            die(d, "typed.bug-unmap")
            return
    count(d, preempt=-1)
