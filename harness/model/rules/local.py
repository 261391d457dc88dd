"""The local generation: a stack of mappings per task.

Source: mm/highmem.c of 5.11 to 7.3, and of the 5.10-rt patch.

The window of a CPU shows the stack of the task that runs on it: a switch takes the
entries of one task out and puts those of the next one in.
"""

from harness.model.records import vector
from harness.model.records.layout import PAGE_MASK
from harness.model.rules.draft import (
    Draft,
    atomic_enter,
    atomic_leave,
    die,
    in_hardirq,
    migrate_disable,
    migrate_enable,
)


def push(d: Draft) -> bool:
    """``kmap_local_idx_push``; false where its BUG fires."""
    if in_hardirq(d) and not d.task.irqs_off:
        d.warn_once("push-hardirq")
    d.task = d.task._replace(depth=d.task.depth + d.machine.increment)
    if d.task.depth < d.machine.layout.window:
        return True
    die(d, "local.bug-depth")
    return False


def pop(d: Draft) -> bool:
    """``kmap_local_idx_pop``; false where its BUG fires."""
    d.task = d.task._replace(depth=d.task.depth - d.machine.increment)
    if d.task.depth >= 0:
        return True
    die(d, "local.bug-underflow")
    return False


def save(d: Draft, pte: int) -> None:
    """``current->kmap_ctrl.pteval[kmap_local_idx()] = pte``."""
    entry = d.task.depth - 1
    if entry >= 0:
        d.task = d.task._replace(saved=vector.replaced(d.task.saved, entry, pte))


def map_pfn(d: Draft) -> None:
    """``__kmap_local_pfn_prot``."""
    migrate_disable(d)
    if not push(d):
        return
    layout = d.machine.layout
    index = layout.window_index(d.task.cpu, d.task.depth - 1)
    if d.state.windows.get(index, 0):
        die(d, "local.bug-not-none")
        return
    pte = d.new_pte()
    d.set_window(index, pte)
    save(d, pte)
    d.result(layout.fixaddr(index))
    d.rule += ".nested" if d.task.depth > d.machine.increment else ".first"


def map_page(d: Draft) -> None:
    """``__kmap_local_page_prot``: lowmem pages are not mapped, unless FORCE_MAP."""
    page = d.machine.mapped_page(d.op)
    if d.machine.layout.force_map or d.machine.pages[page].highmem:
        map_pfn(d)
    else:
        d.result(d.machine.direct[page])
        d.rule += ".lowmem"


def unmap_outside(d: Draft, address: int) -> None:
    """``kunmap_local_indexed`` of an address beside the windows: ignored; user addresses warn."""
    layout = d.machine.layout
    d.rule += ".outside"
    if layout.force_map:
        d.warn_once("unmap-outside")
    elif address < layout.page_offset:
        d.rule += "-user"
        d.warn_once("unmap-user")


def clear_top(d: Draft, address: int) -> None:
    """Clear the PTE of the top of the stack, which the index chooses, and flush *address*.

    Out of order these are two different slots: the top's translation may stay in the TLB.
    """
    layout = d.machine.layout
    index = layout.window_index(d.task.cpu, d.task.depth - 1)
    expected = layout.fixaddr(index)
    if address != expected:
        d.rule += ".disorder"
        d.warn_once("unmap-order")
        d.mark_stale(d.task.cpu, expected, d.state.windows.get(index, 0))
    d.set_window(index, 0)
    d.invlpg(address)
    if address != expected:
        d.flush_dirty += d.flushed_early(address, d.task.depth)


def unmap(d: Draft, address: int) -> None:
    """``kunmap_local_indexed``: any address within the page will do."""
    address &= PAGE_MASK
    if not d.in_window(address):
        unmap_outside(d, address)
        return
    clear_top(d, address)
    save(d, 0)
    if pop(d):
        migrate_enable(d)


def kmap_local(d: Draft) -> None:
    """``kmap_local_page`` and ``kmap_local_page_prot``."""
    d.rule = "local.map"
    map_page(d)


def kmap_local_folio(d: Draft) -> None:
    """``kmap_local_folio``: the page that the offset lies in (since 5.16)."""
    d.rule = "local.map-folio"
    map_page(d)
    if not d.status:
        d.result(d.value + d.machine.in_page(d.op))


def kmap_local_pfn(d: Draft) -> None:
    """``kmap_local_pfn`` and ``__iomap_local_pfn_prot``: lowmem is mapped as well."""
    d.rule = "local.map-pfn"
    map_pfn(d)


def kunmap_local(d: Draft) -> None:
    """``kunmap_local``."""
    d.rule = "local.unmap"
    address = d.address()
    d.pte_address = address
    unmap(d, address)


def kmap_atomic(d: Draft) -> None:
    """``kmap_atomic`` and ``kmap_atomic_prot``."""
    d.rule = "atomic.map"
    atomic_enter(d)
    map_page(d)


def kmap_atomic_pfn(d: Draft) -> None:
    """``kmap_atomic_pfn``."""
    d.rule = "atomic.map-pfn"
    atomic_enter(d)
    map_pfn(d)


def unmap_atomic(d: Draft, address: int) -> None:
    """``kunmap_atomic`` of *address*."""
    unmap(d, address)
    if d.status == 0:
        atomic_leave(d)


def kunmap_atomic(d: Draft) -> None:
    """``kunmap_atomic``."""
    d.rule = "atomic.unmap"
    address = d.address()
    d.pte_address = address
    unmap_atomic(d, address)
