"""The stack generation: a stack of atomic mappings per CPU.

Sources: arch/x86/mm/highmem_32.c, arch/x86/mm/iomap_32.c, include/linux/highmem.h (2.6.37
to 5.10; read: 5.10).  Entries belong to the CPU, so switches of tasks do not concern them.
"""

from harness.model.records import vector
from harness.model.records.layout import PAGE_MASK
from harness.model.rules.draft import Draft, atomic_enter, atomic_leave, die, in_hardirq


def _set_depth(d: Draft, depth: int) -> None:
    d.state = d.state._replace(depths=vector.replaced(d.state.depths, d.task.cpu, depth))


def push(d: Draft) -> int:
    """``kmap_atomic_idx_push``: the slot, which only DEBUG_HIGHMEM kernels check.

    In others the depth is not limited: the 21st mapping is in the next CPU's window.
    """
    slot = d.state.depths[d.task.cpu]
    _set_depth(d, slot + 1)
    if d.machine.layout.debug_highmem:
        if in_hardirq(d) and not d.task.irqs_off:
            d.warn_once("push-hardirq")
        if slot >= d.machine.layout.window:
            die(d, "stack.bug-depth")
    return slot


def map_slot(d: Draft, *, check: bool) -> None:
    """Map the page in the next slot; ``kmap_atomic_prot_pfn`` lacks the check for a PTE in use."""
    slot = push(d)
    if d.status:
        return
    layout = d.machine.layout
    index = layout.window_index(d.task.cpu, slot)
    held = d.state.windows.get(index, 0)
    if held and check:
        die(d, "stack.bug-not-none")
        return
    address = layout.fixaddr(index)
    d.mark_stale(d.task.cpu, address, held)
    d.set_window(index, d.new_pte())
    d.result(address)
    d.rule += ".nested" if slot else ".first"
    if slot >= layout.window:
        d.rule += ".spill"


def map_page(d: Draft) -> None:
    """``kmap_atomic_prot``: lowmem pages are not mapped."""
    d.rule = "atomic.map"
    atomic_enter(d)
    page = d.op.page
    if d.machine.pages[page].highmem:
        map_slot(d, check=True)
    else:
        d.result(d.machine.direct[page])
        d.rule += ".lowmem"


def map_pfn(d: Draft) -> None:
    """``kmap_atomic_pfn`` and ``iomap_atomic_prot_pfn``: lowmem is mapped as well."""
    d.rule = "atomic.map-pfn"
    atomic_enter(d)
    map_slot(d, check=False)


def clear_top(d: Draft, address: int) -> None:
    """Clear the PTE of the top slot, flush *address*, then pop (in this order since 2.6.37)."""
    layout = d.machine.layout
    slot = d.state.depths[d.task.cpu] - 1
    index = layout.window_index(d.task.cpu, slot)
    expected = layout.fixaddr(index)
    if address != expected:
        d.rule += ".disorder"
        if layout.debug_highmem:
            d.warn_once("unmap-order")
        d.mark_stale(d.task.cpu, expected, d.state.windows.get(index, 0))
    d.set_window(index, 0)
    d.invlpg(address)
    if address != expected:
        d.flush_dirty += d.flushed_early(address, slot + 1)
    _set_depth(d, slot)
    if slot < 0:
        d.rule += ".underflow"
        if layout.debug_highmem:
            die(d, "stack.bug-underflow")


def unmap_outside(d: Draft, address: int, *, iomap: bool) -> None:
    """An address beside the windows: a DEBUG_HIGHMEM kernel BUGs if it is not lowmem."""
    layout = d.machine.layout
    d.rule += ".outside"
    if (
        layout.debug_highmem
        and not iomap
        and not layout.page_offset <= address < layout.high_memory
    ):
        die(d, "stack.bug-outside")


def unmap(d: Draft, address: int, *, iomap: bool = False) -> None:
    """``kunmap_atomic``; ``iounmap_atomic`` is a copy without the check of other addresses."""
    d.rule = "atomic.unmap"
    d.pte_address = address
    address &= PAGE_MASK
    if d.in_window(address):
        clear_top(d, address)
    else:
        unmap_outside(d, address, iomap=iomap)
    if not d.status:
        atomic_leave(d)


def kunmap_atomic(d: Draft) -> None:
    """``kunmap_atomic``."""
    unmap(d, d.address())


def iounmap_atomic(d: Draft) -> None:
    """``iounmap_atomic``."""
    unmap(d, d.address(), iomap=True)
