"""The contract of the persistent map: users, addresses, waiting, flush before reuse, data.

It does not read ``pkmap_count`` for anything but one question, whether a slot has users, and only
where that variable was found to answer it.  Which slot, which queue, and what is remembered of a
page without users is behaviour.
"""

from collections.abc import Iterator

from harness.model.contract import users as counting
from harness.model.contract.view import View, Violation
from harness.model.records import vector
from harness.model.records.layout import Generation, same_translation
from harness.model.records.observation import UNCLAIMED, Status
from harness.model.records.operation import ACCESSES, OpCode
from harness.model.records.state import Phase
from harness.model.records.stuck import stuck_words


def _by_hand(v: View) -> bool:
    """Tell whether a test has set PTEs, or a BUG has left the lock held: no rule holds then."""
    return v.op.code == OpCode.SET_PTE or v.before.tampered or v.seen.status is Status.DIED


def _before(v: View, page: int) -> int:
    """Kmaps of *page* that had not been undone before the step."""
    return counting.users(v.machine, v.before, page)


def _after(v: View, page: int) -> int:
    """The same after it; below 0 where one was undone too many."""
    return counting.users_after(v.machine, v.before, v.op, v.seen, page)


def _concerned(v: View) -> Iterator[int]:
    return counting.pages_concerned(v.machine, v.before, v.op, v.seen)


def users(v: View) -> Iterator[Violation]:
    """A slot has users as long as its kmaps are not undone, and no longer.

    Any correct kernel, because a slot whose users it forgets is taken away under them, and one
    whose users it never forgets is lost for good.
    """
    if v.seen.status in (Status.DIED, Status.STUCK) or v.before.tampered:
        return
    for page in _concerned(v):
        want = _after(v, page)
        if want < 0:
            if not v.seen.warns:
                detail = f"page {page} has no user, yet kunmap went through"
                yield Violation("unbalanced-kunmap", detail)
        elif "counts" not in v.blind and (_shown_users(v, page) > 0) != (want > 0):
            shown = _shown_users(v, page)
            yield Violation("users", f"page {page}: {want} kmaps not undone, {shown} by the count")


def _shown_users(v: View, page: int) -> int:
    """Users by ``pkmap_count`` of the page's slot; where it did not change, as many as before."""
    address = vector.get(v.after.where, page) or vector.get(v.before.where, page)
    slot = v.machine.layout.pkmap_slot(address) if address else -1
    change = next((one for one in v.seen.slots if one.slot == slot), None)
    if change is None:
        return _before(v, page)
    gone = change.pte and v.machine.page_of(change.pte) != page
    return 0 if gone else max(change.count - 1, 0)


def stays(v: View) -> Iterator[Violation]:
    """A page with users keeps its address, and that address maps the page, as it was asked for.

    Any correct kernel, because its users hold the bare address and nobody tells them of another.
    """
    if _by_hand(v):
        return
    for page in _concerned(v):
        old, new = vector.get(v.before.where, page), vector.get(v.after.where, page)
        kept = _before(v, page) - int(v.op.code == OpCode.KUNMAP and v.op.page == page)
        if old != new and kept > 0:
            yield Violation("moved-in-use", f"page {page} in use moved from {old:#x} to {new:#x}")
        elif new and _after(v, page) > 0:
            pte = vector.get(v.after.slots, v.machine.layout.pkmap_slot(new)).pte
            if not same_translation(pte, v.machine.ptes[page]):
                want = f"{pte:#x}, not {v.machine.ptes[page]:#x}"
                yield Violation("pkmap-pte", f"page {page} in use at {new:#x}: {want}")


def _held_back(v: View, number: int) -> bool:
    """Tell whether a task has been woken, and another in an atomic section has its CPU."""
    task = v.after.tasks[number]
    return task.phase is Phase.WOKEN and any(
        v.after.tasks[other].cpu == task.cpu for other in v.after.spinning
    )


def waiting(v: View) -> Iterator[Violation]:
    """Nobody sleeps while a slot is free or unused, or while the page wanted is mapped.

    One that has been woken and has no CPU does not sleep.  Any correct kernel, because nobody else
    need ever call kmap or kunmap again: a task left asleep then sleeps for ever.
    """
    for number in v.after.waiting:
        page = v.after.tasks[number].page
        if _held_back(v, number):
            continue
        if v.after.zeros | v.after.ones:
            free = (v.after.zeros | v.after.ones).bit_count()
            yield Violation("asleep", f"task {number} sleeps with {free} slots not in use")
        elif page >= 0 and vector.get(v.after.where, page):
            yield Violation(
                "asleep-mapped", f"task {number} sleeps for page {page}, which is mapped"
            )


def kmap(v: View) -> Iterator[Violation]:
    """Kmap returns the direct map's address of lowmem, else one of pkmap that maps the page.

    Any correct kernel, because ``kmap_to_page`` and ``kunmap`` find it by range and
    ``page_address``, and because the caller reads and writes what it translates to.
    """
    layout = v.machine.layout
    for page, result in _results(v):
        if not v.machine.pages[page].highmem:
            if result != v.machine.direct[page]:
                yield Violation("lowmem-address", f"kmap of lowmem page {page} gave {result:#x}")
        elif not layout.in_pkmap(result) or result & 0xFFF:
            yield Violation("kmap-area", f"kmap of page {page} gave {result:#x}, outside of pkmap")
        elif not v.before.tampered:
            pte = vector.get(v.after.slots, layout.pkmap_slot(result)).pte
            if not same_translation(pte, v.machine.ptes[page]):
                yield Violation("kmap-pte", f"{result:#x} does not map page {page}: {pte:#x}")
            if (where := vector.get(v.after.where, page)) != result:
                told = f"kmap gave {result:#x}, page_address {where:#x}"
                yield Violation("page-address", f"page {page}: {told}")


def _results(v: View) -> Iterator[tuple[int, int]]:
    if v.op.code == OpCode.KMAP and v.done:
        yield v.op.page, v.seen.value
    for done in v.seen.done:
        yield v.before.tasks[done.task].page, done.result


def unused_flushed(v: View) -> Iterator[Violation]:
    """A change of page attributes leaves no unused mapping, which would have the old ones.

    Any correct kernel, because two attributes of one page at once confuse the caches.
    """
    if v.op.code == OpCode.FLUSH_UNUSED and v.done and v.after.ones:
        yield Violation(
            "unused-left", f"{v.after.ones.bit_count()} unused slots after a change of attributes"
        )


def _may_die(v: View) -> bool:
    """Tell whether the caller has done what the BUGs of kunmap are for."""
    if v.before.tampered or v.before.locked:
        return True
    if v.op.code == OpCode.KUNMAP:
        return not _before(v, v.op.page)
    if v.op.code == OpCode.HELPER:  # too deep in the middle of it
        return any(one.status is Status.DIED for one in v.allowed)
    return v.window_may_die


def ending(v: View) -> Iterator[Violation]:
    """A task dies only of wrong use, which is always noticed; nobody hangs or is turned away.

    A sleeper must not notice a signal: its sleep is uninterruptible.  Which endings the module's
    own checks allow, and where a BUG is due, is taken from the rules (``View.allowed``); a kernel
    that warns instead has noticed too.  Any correct kernel, because kmap cannot fail: it has no
    value to say so, and its callers do not ask.
    """
    allowed = {one.status for one in v.allowed}
    ended = v.seen.status
    rejected = (
        ended in (Status.REFUSED, Status.NOT_APPLICABLE) and allowed and ended not in allowed
    )
    if ended is Status.STUCK or rejected or (ended is Status.DIED and not _may_die(v)):
        why = f": {stuck_words(v.seen.value)}" if ended is Status.STUCK else ""
        yield Violation("ending", f"{v.op.code.name} ended {ended.name}{why}")
    if ended is Status.INTERRUPTIBLE:
        yield Violation("interruptible", "the sleep in kmap would be ended by a signal")
    if allowed == {Status.DIED} and ended is Status.OK and not v.seen.warns:
        yield Violation("survived", f"{v.op.code.name} should have been a BUG, or a warning")
    if v.seen.dead:
        yield Violation("dead", f"tasks {v.seen.dead} died outside of their own steps")


def _relied_on(v: View) -> bool:
    """Tell whether somebody has a right to the address: a user of its mapping, or anybody.

    Windows that no task's mapping fills are not, unless the typed generation's entries have no
    other owner than the entry itself.
    """
    layout, address = v.machine.layout, v.operand
    if layout.in_pkmap(address):
        slot = vector.get(v.before.slots, layout.pkmap_slot(address))
        return slot.count > 1 or v.before.tampered
    index = layout.fixindex(address)
    if not layout.fix_kmap_begin <= index <= layout.fix_kmap_end:
        return True
    if v.machine.local:
        return index in v.live(v.task_before)
    if layout.generation is Generation.TYPED:
        return index in v.before.windows
    return 0 <= layout.window_slot(v.seen.cpu, index) < v.depth_before


def data(v: View) -> Iterator[Violation]:
    """Loads and stores through a mapping in use see its page; ``kmap_to_page`` tells which it is.

    What they may see is taken from the rules (``View.allowed``): these know what was written
    to the pages, and which old translations a TLB may hold.  Any correct kernel, because this is
    what a mapping is for; what an address without a user shows is nobody's business.
    """
    if v.op.code not in ACCESSES or not v.allowed or not _relied_on(v):
        return
    seen = v.seen
    if not any(
        one.status == seen.status and one.value in (seen.value, UNCLAIMED) for one in v.allowed
    ):
        allowed = ", ".join(f"{one.status.name} {one.value:#x}" for one in v.allowed)
        gave = f"{v.op.code.name} gave {seen.status.name} {seen.value:#x}"
        yield Violation("data", f"{gave}, allowed {allowed}")


def page_address_value(v: View) -> Iterator[Violation]:
    """PAGE_ADDRESS returns where users have the page mapped, and lowmem's direct address.

    Any correct kernel, because ``kunmap``, ``kmap_to_page`` and drivers that were handed a mapped
    page find the address in this way alone.
    """
    if v.op.code != OpCode.PAGE_ADDRESS or not v.done:
        return
    if v.machine.pages[v.op.page].highmem and _after(v, v.op.page) <= 0:
        return
    want = vector.get(v.after.where, v.op.page) or v.machine.direct[v.op.page]
    if v.seen.value != want:
        detail = f"page {v.op.page}: {v.seen.value:#x}, mapped at {want:#x}"
        yield Violation("page-address", detail)


RULES = (
    users, stays, waiting, kmap, unused_flushed, ending, page_address_value, data,
)  # fmt: skip
