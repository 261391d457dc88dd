"""The persistent map: kmap, kunmap and the flush of unused slots (mm/highmem.c, 2.6.32 to 7.3).

``begin``, ``retry``, ``release`` and ``flush_all_zero`` are what happens under one hold of
``kmap_lock``: the micro-steps that may interleave.  ``settle`` is their closure: every
order in which woken tasks can get the lock.
"""

from harness.model.records import vector
from harness.model.records.layout import UNBOUND
from harness.model.records.observation import Status
from harness.model.records.state import Phase, lowest
from harness.model.rules.draft import Draft, count, die

LOST_LOCK = "kmap_lock is held by a dead task"


def clear_slot(d: Draft, slot: int) -> None:
    """One turn of the loop of flush_all_zero_pkmaps: the slot is free and has no page."""
    held = vector.get(d.state.slots, slot)
    d.set_slot(slot, 0, 0)
    page = d.machine.page_of(held.pte)
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
    ones = d.state.ones
    if not ones:
        return
    while ones:
        slot = lowest(ones)
        clear_slot(d, slot)
        ones &= ones - 1
    d.flush_ranges += 1
    d.flush_dirty += _dirty(d)
    d.state = d.state.with_stale({})


def _dirty(d: Draft) -> int:
    """PTEs present at count 0: none, unless a test has set one by hand."""
    if not d.state.tampered:
        return 0
    return sum(1 for slot in vector.items(d.state.slots) if slot.count == 0 and slot.pte)


def find_slot(d: Draft) -> int:
    """The scan of ``map_new_virtual``; the slot found or -1 to sleep.  Moves the cursor.

    The cursor goes up from the one handed out last; where it becomes 0 the unused slots are
    flushed and the count of tries starts again, so that a full turn follows.  Hence: a free
    slot above the cursor, else one flush and the first free slot of all, else
    sleep with the cursor at the last slot.
    """
    above = d.state.zeros >> (d.state.cursor + 1)
    if above:
        d.state = d.state.with_cursor(d.state.cursor + 1 + lowest(above))
        d.rule += ".above"
        return d.state.cursor
    cleared = d.state.ones
    flush_all_zero(d)
    if not d.state.zeros:
        d.state = d.state.with_cursor(d.machine.layout.last_pkmap - 1)
        d.rule += ".full"
        return -1
    d.state = d.state.with_cursor(lowest(d.state.zeros))
    d.rule += ".wrap-flushed" if cleared else ".wrap"
    return d.state.cursor


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
    held = vector.get(d.state.slots, slot)
    d.set_slot(slot, held.count + 1, held.pte)
    return held.count >= 1


def kmap_high(d: Draft, page: int) -> int:
    """``kmap_high`` under one hold of the lock: the address, or 0 where it goes to sleep."""
    address = vector.get(d.state.where, page)
    if address:
        held = vector.get(d.state.slots, d.machine.layout.pkmap_slot(address))
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
    if d.state.locked:
        d.lost = LOST_LOCK
        return
    address = kmap_high(d, page)
    if d.task.phase is Phase.DEAD:
        return
    if address:
        d.result(address)
    else:
        sleep(d)


def sleep(d: Draft) -> None:
    """The task joins ``pkmap_map_wait`` before it gives the lock up."""
    if d.task.atomic:
        d.lost = "kmap has to sleep in an atomic section"
        return
    d.status = Status.BLOCKED
    d.task = d.task._replace(phase=Phase.BLOCKED)
    d.state = d.state._replace(waiting=tuple(sorted((*d.state.waiting, d.number))))


def release(d: Draft, page: int) -> bool:
    """``kunmap_high`` under the lock: whether sleepers must be woken.

    A count never goes to 0 without a flush.  Both BUGs fire with the lock held.
    """
    address = vector.get(d.state.where, page)
    if not address:
        die_locked(d, "kunmap.bug-unmapped")
        return False
    slot = d.machine.layout.pkmap_slot(address)
    held = vector.get(d.state.slots, slot)
    d.set_slot(slot, held.count - 1, held.pte)
    if held.count == 1:
        die_locked(d, "kunmap.bug-count")
    elif held.count == 2:
        d.rule = "kunmap.wake" if d.state.waiting else "kunmap.last"
        return bool(d.state.waiting)
    else:
        d.rule = "kunmap.shared"
    return False


def retry(d: Draft, number: int) -> None:
    """A woken task has the lock: its page may be mapped by now, else it scans again."""
    page = d.state.tasks[number].page
    rule, d.rule = d.rule, ""
    address = kmap_high(d, page)
    if address:
        d.complete(number, address)
    else:
        d.state = d.state._replace(waiting=(*d.state.waiting, number))
    won = "follow" if d.rule == ".shared" else "win" if address else "lose"
    d.rule = rule if won in rule else f"{rule}+{won}"
    if d.state.locked:
        d.lost = LOST_LOCK


def settle(d: Draft, woken: tuple[int, ...]) -> list[Draft]:
    """All outcomes of *woken* tasks racing for ``kmap_lock``.

    The order matters only while a slot can be had: afterwards a task either follows one
    that has mapped its page or scans in vain, and these commute.
    """
    if not woken:
        return [d]
    if not d.state.zeros | d.state.ones:
        for number in woken:
            retry(d, number)
        return [d]
    outcomes: list[Draft] = []
    pages: set[int] = set()
    for number in woken:
        page = d.state.tasks[number].page
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
    if d.state.locked:
        d.lost = LOST_LOCK
        return
    d.rule = "flush-unused.some" if d.state.ones else "flush-unused.none"
    flush_all_zero(d)


def die_locked(d: Draft, rule: str) -> None:
    """A BUG with ``kmap_lock`` held: the lock is never released again.

    On RT its holder stays pinned: ``rt_spin_lock`` disables migration
    (kernel/locking/spinlock_rt.c).
    """
    die(d, rule)
    d.state = d.state._replace(locked=True)
    if d.machine.layout.rt:
        count(d, migrate=1)


def kunmap(d: Draft) -> list[Draft] | None:
    """``kunmap``, and what the tasks it wakes do: one draft for each outcome."""
    page = d.op.page
    if not d.machine.pages[page].highmem:
        d.rule = "kunmap.lowmem"
        d.pte_address = d.machine.direct[page]
        return None
    if d.state.locked:
        d.lost = LOST_LOCK
        return None
    if d.page_address_allowed():
        d.pte_address = vector.get(d.state.where, page)
    if not release(d, page):
        return None
    d.wakes = 1
    if d.task.atomic and (d.task.irqs_off or d.machine.layout.rt):
        d.lost = "kunmap in an atomic section has woken tasks: nobody waits for what they do"
        return None
    return wake(d)


def held_cpus(d: Draft) -> frozenset[int]:
    """CPUs that a task in an atomic section keeps after the operation."""
    others = {d.before.tasks[other].cpu for other in d.before.spinning if other != d.number}
    return frozenset({*others, d.task.cpu} if d.task.atomic else others)


def _set_phase(d: Draft, numbers: tuple[int, ...], phase: Phase) -> None:
    for number in numbers:
        d.state = d.state.with_task(number, d.state.tasks[number]._replace(phase=phase))


def wake(d: Draft) -> list[Draft]:
    """All tasks in the queue are woken; those whose CPU is taken are held back.

    They stay in ``pkmap_map_wait``, since a task takes itself out when it runs (mm/highmem.c,
    ``map_new_virtual``: ``remove_wait_queue`` after ``schedule``).  Meanwhile a task of another
    CPU may take the slot that they were woken for; they find out when the section ends.
    """
    held = held_cpus(d)
    if held and any(d.state.tasks[number].allowed == UNBOUND for number in d.state.waiting):
        d.lost = (
            "a woken task that is bound to no CPU, beside an atomic section: it may run or not"
        )
        return [d]
    back = tuple(number for number in d.state.waiting if d.state.tasks[number].cpu in held)
    if back:
        _set_phase(d, back, Phase.WOKEN)
        d.rule += "-held"
    woken = tuple(number for number in d.state.waiting if number not in back)
    d.state = d.state._replace(waiting=back)
    return settle(d, woken)


def run_held(d: Draft) -> list[Draft]:
    """Tasks that were held back run, if the operation has ended the section that kept them."""
    held = held_cpus(d)
    due = tuple(
        n
        for n in d.state.waiting
        if d.state.tasks[n].phase is Phase.WOKEN and d.state.tasks[n].cpu not in held
    )
    if not due:
        return [d]
    _set_phase(d, due, Phase.BLOCKED)
    d.state = d.state._replace(
        waiting=tuple(number for number in d.state.waiting if number not in due)
    )
    return settle(d, due)
