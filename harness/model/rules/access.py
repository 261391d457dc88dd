"""Loads and stores through addresses, and what the TLB may still believe.

The TLB is modelled by what it is *allowed* to hold beside the page table: translations
that were changed without a flush.  None of those exists where the rules are kept.
"""

from harness.model.records import vector
from harness.model.records.km_type import typed_owner
from harness.model.records.layout import (
    ADDRESS_MASK,
    FRAME_MASK,
    PAGE_MASK,
    PAGE_SHIFT,
    PAGE_SIZE,
    PTE_PRESENT,
    PTE_RW,
)
from harness.model.records.observation import UNCLAIMED, Status
from harness.model.records.operation import NO_PAGE, OpCode
from harness.model.rules.draft import Draft, refuse

_WORD = 4


def translations(d: Draft, address: int) -> tuple[int, ...]:
    """PTEs by which this CPU may translate *address*: the table's, then stale ones."""
    layout = d.machine.layout
    if layout.page_offset <= address < layout.high_memory:
        return (((address - layout.page_offset) & FRAME_MASK) | PTE_PRESENT | PTE_RW,)
    now = d.pte_at(address)
    page = address & PAGE_MASK
    held = d.state.stale.get((d.task.cpu, page), ()) + d.state.stale.get((-1, page), ())
    return (now, *(pte for pte in held if pte != now))


def _remember_remote(d: Draft, address: int, pte: int) -> None:
    """A look into another CPU's window leaves its translation in this CPU's TLB.

    The INVLPG of the other CPU does not remove it.
    """
    layout = d.machine.layout
    if layout.in_typed(address):
        if typed_owner(layout.fixindex(address), layout.online_cpus) != d.task.cpu:
            d.mark_stale(d.task.cpu, address & PAGE_MASK, pte)
    elif d.in_window(address) and d.machine.window_owner(layout.fixindex(address)) != d.task.cpu:
        d.mark_stale(d.task.cpu, address & PAGE_MASK, pte)


def _load(d: Draft, pte: int, address: int) -> int:
    """32-bit load.  Pages of the pools start as zeros; nothing is known of other pages."""
    page = d.machine.page_of(pte)
    offset = address % PAGE_SIZE
    if page is None or offset > PAGE_SIZE - _WORD:
        return UNCLAIMED
    words = vector.get(d.state.memory, page)
    low, shift = offset & -_WORD, offset % _WORD * 8
    both = words.get(low, 0) | words.get(low + _WORD, 0) << 32
    return both >> shift & ADDRESS_MASK


def _store(d: Draft, pte: int, address: int, value: int) -> None:
    """32-bit store, kept as aligned words."""
    page = d.machine.page_of(pte)
    if page is None:
        return
    offset = address % PAGE_SIZE
    words = vector.get(d.state.memory, page).copy()
    low, shift = offset & -_WORD, offset % _WORD * 8
    if shift:
        both = words.get(low, 0) | words.get(low + _WORD, 0) << 32
        both = both & ~(ADDRESS_MASK << shift) | value << shift
        words[low + _WORD] = both >> 32
        value = both & ADDRESS_MASK
    words[low] = value
    d.state = d.state.with_memory(page, words)


def _through(d: Draft, pte: int, address: int) -> None:
    """One load or store translated by *pte*."""
    write = d.op.code == OpCode.WRITE
    d.rule = "write" if write else "read"
    needed = PTE_PRESENT | PTE_RW if write else PTE_PRESENT
    if pte & needed != needed:
        d.status = Status.FAULT
        d.rule += ".fault"
        return
    if write:
        _store(d, pte, address, d.op.value)
    else:
        d.value = _load(d, pte, address)
    _remember_remote(d, address, pte)


def write_over_end(d: Draft, address: int) -> bool:
    """Tell whether a store reaches into the page after, which is another mapping."""
    return d.op.code == OpCode.WRITE and address % PAGE_SIZE > PAGE_SIZE - _WORD


def access(d: Draft) -> list[Draft] | None:
    """READ and WRITE: one outcome for each translation that may be in use."""
    address = d.address()
    d.pte_address = address
    ptes = translations(d, address)
    if ptes[0] == UNCLAIMED or write_over_end(d, address):
        d.lost = f"access to {address:#x}, which is no mapping of this machinery"
        return None
    if len(ptes) == 1:
        _through(d, ptes[0], address)
        return None
    branches = []
    for number, pte in enumerate(ptes):
        branch = d.fork()
        _through(branch, pte, address)
        branch.rule += ".stale" if number else ""
        branches.append(branch)
    return branches


def set_pte(d: Draft) -> None:
    """A test writes a PTE by hand, without a flush."""
    d.rule = "set-pte"
    address = d.address()
    d.pte_address = address
    layout = d.machine.layout
    pte = 0 if d.op.page == NO_PAGE else d.machine.pte(d.op.page, d.op.prot)
    if layout.in_pkmap(address):
        _set_slot_pte(d, layout.pkmap_slot(address), pte)
        return
    index = layout.fixindex(address)
    d.mark_stale(d.machine.window_owner(index), address & PAGE_MASK, d.state.windows.get(index, 0))
    d.set_window(index, pte)
    d.state = d.state._replace(tampered=True)


def _set_slot_pte(d: Draft, slot: int, pte: int) -> None:
    """Nothing else of the machinery knows of it: count and page address stay."""
    held = vector.get(d.state.slots, slot)
    d.set_slot(slot, held.count, pte)
    d.state = d.state._replace(tampered=True)
    d.mark_stale(-1, d.machine.layout.pkmap_address(slot), held.pte)


def page_address(d: Draft) -> None:
    """``page_address``: the value is compared, nothing changes."""
    if not d.page_address_allowed():
        refuse(d, "page-address.refused")
        return
    d.value = d.pte_address = d.page_address(d.op.page)
    d.rule = "page-address.mapped" if d.value else "page-address.none"


def invlpg(d: Draft) -> None:
    """INVLPG of an address by hand; no function of the kernel is called for it."""
    d.rule = "invlpg"
    d.pte_address = d.address()
    d.forget_stale(d.pte_address & PAGE_MASK)


def kmap_to_page(d: Draft) -> None:
    """``kmap_to_page``: the pfn it answers with; where it is wrong, that is what is predicted.

    6.1 on: pkmap and kmap_local addresses warn once each; the range test leaves out the
    highest address, slot 0 of CPU 0 (mm/highmem.c to 7.3).  Before: windows are not known.
    """
    address = d.address()
    d.pte_address = address
    layout = d.machine.layout
    d.rule = "to-page.direct"
    if layout.in_pkmap(address):
        d.rule = "to-page.pkmap"
        d.value = _pfn(vector.get(d.state.slots, layout.pkmap_slot(address)).pte)
        if d.machine.to_page_local:
            d.warn_once("to-page-pkmap")
        return
    d.value = _virt_to_pfn(d, address)
    if d.in_window(address):
        _window_to_page(d, address & PAGE_MASK)


def _window_to_page(d: Draft, page: int) -> None:
    known = d.machine.to_page_local and page != d.machine.window_high
    d.rule = "to-page.window" if known else "to-page.unknown-window"
    if not known:
        mapped = d.state.windows.get(d.machine.layout.fixindex(page), 0)
        bug = "kmap_to_page-slot0" if d.machine.to_page_local else "kmap_to_page-atomic"
        d.known = bug if mapped else None
        return
    d.warn_once("to-page-local")
    for entry in range(d.task.depth):
        if d.machine.layout.fixaddr(d.machine.layout.window_index(d.task.cpu, entry)) == page:
            d.value = _pfn(d.task.saved[entry])
            return
    d.rule += "-foreign"


def _pfn(pte: int) -> int:
    return (pte & FRAME_MASK) >> PAGE_SHIFT


def _virt_to_pfn(d: Draft, address: int) -> int:
    """``page_to_pfn(virt_to_page(address))``: arithmetic that FLATMEM does for any address."""
    layout = d.machine.layout
    if not d.machine.flatmem and not layout.page_offset <= address < layout.high_memory:
        return UNCLAIMED
    return (address - layout.page_offset) >> PAGE_SHIFT
