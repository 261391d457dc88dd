"""The persistent map: kmap, kunmap and the flush of unused slots (mm/highmem.c, 2.6.32 to 7.3).

``begin``, ``retry``, ``release`` and ``flush_all_zero`` are what happens under one hold of
``kmap_lock``: the micro-steps that may interleave.  ``settle`` is their closure: every
order in which woken tasks can get the lock.
"""

from harness.model.records import vector
from harness.model.records.observation import Status
from harness.model.records.state import Phase, Slot
from harness.model.rules.bookkeeping import atomic, die, page_address_allowed
from harness.model.rules.draft import Draft

LOST_LOCK = "kmap_lock is held by a dead task"


def lowest(bitset: int) -> int:
    """Position of the lowest bit set."""
    return (bitset & -bitset).bit_length() - 1


def clear_slot(d: Draft, slot: int) -> None:
    """One turn of the loop of flush_all_zero_pkmaps: count to 0, PTE cleared, page address forgotten."""
    held = vector.get(d.slots, slot)
    d.set_slot(slot, 0, 0)
    page = d.page_of(held.pte)
    if not held.pte or (page is not None and not d.machine.pages[page].highmem):
        d.lost = "a flush met a PTE that was set by hand (BUG in flush_all_zero_pkmaps)"
    elif page is not None:
        d.set_page_address(page, 0)


def flush_all_zero(d: Draft) -> None:
    """``flush_all_zero_pkmaps``: the whole array, then the TLBs if anything was cleared.

    The range is far above ``tlb_single_page_flush_ceiling`` (33), so
    ``flush_tlb_kernel_range`` runs ``do_flush_tlb_all`` on each CPU (arch/x86/mm/tlb.c).
    """
    d.flush_scans += 1
    ones = d.ones
    if not ones:
        return
    while ones:
        slot = lowest(ones)
        clear_slot(d, slot)
        ones &= ones - 1
    d.flush_ranges += 1
    d.flush_dirty += _dirty(d)
    d.stale = {}


def _dirty(d: Draft) -> int:
    """PTEs present at count 0: none, unless a test has set one by hand."""
    if not d.tampered:
        return 0
    return sum(1 for slot in vector.items(d.slots) if slot.count == 0 and slot.pte)


def find_slot(d: Draft) -> int:
    """The scan of ``map_new_virtual``; the slot found or -1 to sleep.  Moves the cursor.

    The cursor goes up from the one handed out last; where it becomes 0 the unused slots are
    flushed and the count of tries starts again, so that a full turn follows.  Hence: a free
    slot above the cursor, else one flush and the first free slot of all, else
    sleep with the cursor at the last slot.
    """
    above = d.zeros >> (d.cursor + 1)
    if above:
        d.cursor += 1 + lowest(above)
        d.rule += ".above"
        return d.cursor
    cleared = d.ones
    flush_all_zero(d)
    if not d.zeros:
        d.cursor = d.machine.layout.last_pkmap - 1
        d.rule += ".full"
        return -1
    d.cursor = lowest(d.zeros)
    d.rule += ".wrap-flushed" if cleared else ".wrap"
    return d.cursor


def map_new_virtual(d: Draft, page: int) -> int:
    """``map_new_virtual`` up to its sleep: the new address (its count stands at 1) or 0."""
    slot = find_slot(d)
    if slot < 0:
        return 0
    d.set_slot(slot, 1, d.machine.ptes[page])
    address = d.machine.layout.pkmap_address(slot)
    d.set_page_address(page, address)
    return address


def take_user(d: Draft, address: int) -> bool:
    """``pkmap_count[PKMAP_NR(vaddr)]++``; false where ``BUG_ON(count < 2)`` fires."""
    slot = d.machine.layout.pkmap_slot(address)
    held = vector.get(d.slots, slot)
    d.set_slot(slot, held.count + 1, held.pte)
    return held.count >= 1


def kmap_high(d: Draft, page: int) -> int:
    """``kmap_high`` under one hold of the lock: the address, or 0 where it goes to sleep."""
    address = vector.get(d.where, page)
    if address:
        held = vector.get(d.slots, d.machine.layout.pkmap_slot(address))
        d.rule += ".revive" if held.count == 1 else ".shared"
    else:
        address = map_new_virtual(d, page)
    if address and not take_user(d, address):
        die_locked(d, "kmap.bug-count")
    return address


def kmap(d: Draft) -> None:
    """``kmap``: lowmem pages need nothing, highmem pages go through ``kmap_high``."""
    page = d.op.page
    d.rule = "kmap"
    if not d.machine.pages[page].highmem:
        d.rule = "kmap.lowmem"
        d.result(d.machine.direct[page])
        return
    if d.locked:
        d.lost = LOST_LOCK
        return
    address = kmap_high(d, page)
    if d.phase is Phase.DEAD:
        return
    if address:
        d.result(address)
    else:
        sleep(d)


def sleep(d: Draft) -> None:
    """The task joins ``pkmap_map_wait`` before it gives the lock up."""
    if atomic(d):
        d.lost = "kmap has to sleep in an atomic section"
        return
    d.status = Status.BLOCKED
    d.phase = Phase.BLOCKED
    d.waiting = tuple(sorted((*d.waiting, d.task)))


def release(d: Draft, page: int) -> bool:
    """``kunmap_high`` under the lock: whether sleepers must be woken.

    A count never goes to 0 without a flush.  Both BUGs fire with the lock held.
    """
    address = vector.get(d.where, page)
    if not address:
        die_locked(d, "kunmap.bug-unmapped")
        return False
    slot = d.machine.layout.pkmap_slot(address)
    held = vector.get(d.slots, slot)
    d.set_slot(slot, held.count - 1, held.pte)
    if held.count == 1:
        die_locked(d, "kunmap.bug-count")
    elif held.count == 2:
        d.rule = "kunmap.wake" if d.waiting else "kunmap.last"
        return bool(d.waiting)
    else:
        d.rule = "kunmap.shared"
    return False


def retry(d: Draft, number: int) -> None:
    """A woken task has the lock: its page may be mapped by now, else it scans again."""
    page = d.tasks[number].page
    rule, d.rule = d.rule, ""
    address = kmap_high(d, page)
    if address:
        d.complete(number, address)
    else:
        d.waiting = (*d.waiting, number)
    won = "follow" if d.rule == ".shared" else "win" if address else "lose"
    d.rule = rule if won in rule else f"{rule}+{won}"
    if d.locked:
        d.lost = LOST_LOCK


def settle(d: Draft, woken: tuple[int, ...]) -> list[Draft]:
    """All outcomes of *woken* tasks racing for ``kmap_lock``.

    The order matters only while a slot can be had: afterwards a task either follows one
    that has mapped its page or scans in vain, and these commute.
    """
    if not woken:
        return [d]
    if not d.zeros | d.ones:
        for number in woken:
            retry(d, number)
        return [d]
    outcomes: list[Draft] = []
    pages: set[int] = set()
    for number in woken:
        page = d.tasks[number].page
        if page not in pages:
            pages.add(page)
            branch = d.fork()
            retry(branch, number)
            outcomes += settle(branch, tuple(other for other in woken if other != number))
    return outcomes


def flush_unused(d: Draft) -> None:
    """``set_memory_uc`` and ``set_memory_wb`` by turns: each calls ``kmap_flush_unused`` once.

    Source: change_page_attr_set_clr in arch/x86/mm/pat/set_memory.c (5.10, 6.1).  It also
    flushes lazily freed vmalloc areas, if there are any: the flushes per CPU are not claimed.
    """
    if d.locked:
        d.lost = LOST_LOCK
        return
    d.rule = "flush-unused.some" if d.ones else "flush-unused.none"
    flush_all_zero(d)


def page_address(d: Draft) -> None:
    """``page_address``: the value is compared, nothing changes."""
    if not page_address_allowed(d):
        d.status = Status.REFUSED
        d.rule = "page-address.refused"
        return
    d.value = d.pte_address = d.page_address(d.op.page)
    d.rule = "page-address.mapped" if d.value else "page-address.none"


def die_locked(d: Draft, rule: str) -> None:
    """A BUG with ``kmap_lock`` held: the lock is never released again.

    On RT its holder stays pinned (``rt_spin_lock`` disables migration, kernel/locking/spinlock_rt.c).
    """
    die(d, rule)
    d.locked = True
    if d.machine.layout.rt:
        d.migrate += 1


def set_pte(d: Draft, slot: int, pte: int) -> None:
    """A test writes the PTE of a slot: nothing else of the machinery knows of it."""
    held = vector.get(d.slots, slot)
    d.slots = vector.put(d.slots, slot, Slot(held.count, pte))
    d.touched_slots += (slot,)
    d.tampered = True
    d.mark_stale(-1, d.machine.layout.pkmap_address(slot), held.pte)
