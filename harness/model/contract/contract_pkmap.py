"""The contract of the persistent map: invariants 1 to 5, waiting, flush before reuse, data."""

from collections.abc import Iterator

from harness.model.contract.view import View, Violation
from harness.model.records import vector
from harness.model.records.observation import UNCLAIMED, Status
from harness.model.records.operation import ACCESSES, PKMAP_OPERATIONS, OpCode
from harness.model.records.state import Phase
from harness.model.records.stuck import stuck_words


def _by_hand(v: View) -> bool:
    """Whether the invariants are off: a test wrote PTEs itself, or a BUG left the lock held."""
    return v.op.code == OpCode.SET_PTE or v.before.tampered or v.seen.status is Status.DIED


def consistent(v: View) -> Iterator[Violation]:
    """Invariants 1 and 2: a slot has count 0, no PTE and no page address, or all three."""
    if _by_hand(v):
        return
    layout = v.machine.layout
    for change in v.seen.slots:
        own = layout.pkmap_address(change.slot)
        if (change.count == 0) != (change.pte == 0):
            yield Violation(
                "count-and-pte", f"slot {change.slot}: count {change.count}, PTE {change.pte:#x}"
            )
        if change.pte and change.address not in (own, 0 if v.address_hidden else own):
            yield Violation(
                "page-address", f"slot {change.slot} at {own:#x}: page_address {change.address:#x}"
            )
        if not change.pte and change.address == own:
            yield Violation(
                "page-address-kept", f"slot {change.slot} is clean, page_address still {own:#x}"
            )
        page = v.machine.page_of(change.pte)
        if page is not None and change.pte != v.machine.ptes[page]:
            yield Violation(
                "pkmap-pte", f"slot {change.slot}: {change.pte:#x}, not {v.machine.ptes[page]:#x}"
            )


def injective(v: View) -> Iterator[Violation]:
    """Invariant 3: a page has at most one slot, a slot at most one page."""
    for change in v.seen.slots:
        if not change.pte or v.after.tampered:
            continue
        for other, slot in enumerate(vector.items(v.after.slots)):
            if other != change.slot and slot.pte == change.pte:
                yield Violation(
                    "two-slots", f"slots {other} and {change.slot} map {change.pte:#x}"
                )


def _mapped_now(v: View, page: int) -> int:
    """Kmaps of *page* that were completed in this step."""
    own = v.op.code == OpCode.KMAP and v.done and v.op.page == page
    return int(own) + sum(1 for done in v.seen.done if v.before.tasks[done.task].page == page)


def _pages_concerned(v: View) -> set[int]:
    pages = {v.op.page, *(v.before.tasks[done.task].page for done in v.seen.done)}
    for change in v.seen.slots:
        for pte in (change.pte, vector.get(v.before.slots, change.slot).pte):
            page = v.machine.page_of(pte)
            if page is not None:
                pages.add(page)
    return {
        page for page in pages if page < len(v.machine.pages) and v.machine.pages[page].highmem
    }


def users(v: View) -> Iterator[Violation]:
    """Invariant 4: a slot's users are the kmaps that have not been undone."""
    if v.seen.status in (Status.DIED, Status.STUCK) or v.before.tampered:
        return
    for page in _pages_concerned(v):
        gone = v.op.code == OpCode.KUNMAP and v.done and v.op.page == page
        want = v.users(v.before, page) + _mapped_now(v, page) - int(gone)
        got = v.users(v.after, page)
        if want < 0:
            yield Violation(
                "unbalanced-kunmap", f"page {page} has no user, yet kunmap went through"
            )
        elif got != want:
            yield Violation("users", f"page {page}: {got} users, {want} kmaps not undone")


def stays(v: View) -> Iterator[Violation]:
    """A mapping in use does not move."""
    for page in _pages_concerned(v):
        old, new = vector.get(v.before.where, page), vector.get(v.after.where, page)
        kept = v.users(v.before, page) - int(v.op.code == OpCode.KUNMAP and v.op.page == page)
        if old != new and kept > 0 and not v.before.tampered:
            yield Violation("moved-in-use", f"page {page} in use moved from {old:#x} to {new:#x}")


def _held_back(v: View, number: int) -> bool:
    """Whether a task has been woken while another task in an atomic section keeps its CPU."""
    task = v.after.tasks[number]
    return task.phase is Phase.WOKEN and any(
        v.after.tasks[other].cpu == task.cpu for other in v.after.spinning
    )


def waiting(v: View) -> Iterator[Violation]:
    """Nobody sleeps while a slot is free or unused, or while the page wanted is mapped.

    A task that has been woken and has no CPU does not sleep.
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
    if v.seen.waiters != len(v.after.waiting) and "waiters" not in v.blind:
        yield Violation(
            "waiters", f"{v.seen.waiters} in the queue, {len(v.after.waiting)} tasks asleep"
        )


def kmap(v: View) -> Iterator[Violation]:
    """``kmap`` returns the direct address of a lowmem page, else a pkmap address that maps it."""
    for page, result in _results(v):
        layout = v.machine.layout
        if not v.machine.pages[page].highmem:
            if result != v.machine.direct[page]:
                yield Violation("lowmem-address", f"kmap of lowmem page {page} gave {result:#x}")
        elif not layout.in_pkmap(result) or result & 0xFFF:
            yield Violation("kmap-area", f"kmap of page {page} gave {result:#x}, outside of pkmap")
        elif v.slots_hidden:
            own = v.op.code == OpCode.KMAP and v.op.page == page
            if own and v.seen.pte != v.machine.ptes[page] and not v.before.tampered:
                yield Violation(
                    "kmap-pte", f"{result:#x} does not map page {page}: {v.seen.pte:#x}"
                )
        else:
            held = vector.get(v.after.slots, layout.pkmap_slot(result))
            if held.pte != v.machine.ptes[page] and not v.before.tampered:
                yield Violation("kmap-pte", f"{result:#x} does not map page {page}: {held.pte:#x}")


def _results(v: View) -> Iterator[tuple[int, int]]:
    if v.op.code == OpCode.KMAP and v.done:
        yield v.op.page, v.seen.value
    for done in v.seen.done:
        yield v.before.tasks[done.task].page, done.result


def unused_flushed(v: View) -> Iterator[Violation]:
    """A change of page attributes leaves no unused mapping, which would have the old ones."""
    if v.op.code == OpCode.FLUSH_UNUSED and v.done and v.after.ones:
        yield Violation(
            "unused-left", f"{v.after.ones.bit_count()} unused slots after a change of attributes"
        )


def _may_die(v: View) -> bool:
    """Whether the caller has done what the BUGs of kunmap are for."""
    if v.before.tampered or v.before.locked or (v.slots_hidden and v.op.code in PKMAP_OPERATIONS):
        return True
    if v.op.code == OpCode.KUNMAP:
        return not v.users(v.before, v.op.page)
    return v.window_may_die


def ending(v: View) -> Iterator[Violation]:
    """A task dies only of wrong use, and then it must; nobody hangs or is turned away for nothing.

    A sleeper must not notice a signal: its sleep is uninterruptible.  Which endings the module's
    own checks allow, and where a BUG is due, is taken from the rules (``View.allowed``).
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
    if allowed == {Status.DIED} and ended is Status.OK:
        yield Violation("survived", f"{v.op.code.name} should have been a BUG")
    if v.seen.dead:
        yield Violation("dead", f"tasks {v.seen.dead} died outside of their own steps")


def data(v: View) -> Iterator[Violation]:
    """Loads and stores see the page that is mapped; kmap_to_page tells the truth.

    What they may see is taken from the rules (``View.allowed``): these know what was written
    to the pages, and which old translations a TLB may hold.
    """
    if v.op.code not in ACCESSES or not v.allowed:
        return
    seen = v.seen
    if not any(
        one.status == seen.status and one.value in (seen.value, UNCLAIMED) for one in v.allowed
    ):
        allowed = ", ".join(f"{one.status.name} {one.value:#x}" for one in v.allowed)
        gave = f"{v.op.code.name} gave {seen.status.name} {seen.value:#x}"
        yield Violation("data", f"{gave}, allowed {allowed}")


def page_address_value(v: View) -> Iterator[Violation]:
    """PAGE_ADDRESS returns where the page is mapped."""
    if v.op.code != OpCode.PAGE_ADDRESS or not v.done or v.slots_hidden:
        return
    want = vector.get(v.after.where, v.op.page) or v.machine.direct[v.op.page]
    if v.seen.value != want:
        detail = f"page {v.op.page}: {v.seen.value:#x}, mapped at {want:#x}"
        yield Violation("page-address", detail)


RULES = (
    consistent, injective, users, stays, waiting, kmap, unused_flushed, ending,
    page_address_value, data,
)  # fmt: skip

NEED_SLOTS = frozenset({consistent, injective, users, stays, waiting, unused_flushed})
"""Rules that say nothing of a guest that cannot tell which slots have changed."""
