"""The contract of atomic and local mappings: right place, own entries only, bookkeeping, switches.

What a task has mapped is known from its operations.  What the kernel saves of it, when it does,
and what stands in an entry that belongs to nobody is behaviour.
"""

from collections.abc import Iterator

from harness.model.contract.view import View, Violation
from harness.model.records.layout import PAGE_SIZE, Generation, same_translation
from harness.model.records.observation import Status
from harness.model.records.operation import (
    OPERATIONS,
    WINDOW_MAPS,
    WINDOW_UNMAPS,
    AtomicSection,
    OpCode,
)
from harness.model.records.state import Phase, TaskState

_ORDER = "unmap-order"
"""The WARN_ONCE of an unmap out of order, as ``State.warned`` names it."""

_SECTIONS_OF_LOCAL = frozenset({AtomicSection.ATOMIC})
_SECTIONS = _SECTIONS_OF_LOCAL | {AtomicSection.IOMAP}
"""Sections that mapping opens; ``iomap`` opens none in the local generation."""


def place(v: View) -> Iterator[Violation]:
    """A mapping lies in the window of its CPU, on an entry of its own; lowmem needs none.

    Any correct kernel, because other CPUs take entries of their windows without asking, and
    because the unmap functions tell a mapping from another address by its place.
    """
    if not v.maps_window:
        if v.op.code in WINDOW_MAPS and v.done and v.seen.value != v.machine.direct_of(v.op):
            what = f"lowmem page {v.op.page} was mapped at {v.seen.value:#x}"
            yield Violation("lowmem-address", what)
        return
    layout = v.machine.layout
    index = layout.fixindex(v.seen.value)
    foreign = v.machine.window_owner(index) != v.seen.cpu
    if not v.machine.in_window(v.seen.value) or (foreign and not _spilled(v)):
        yield Violation("window", f"{v.seen.value:#x} is not in the window of CPU {v.seen.cpu}")
        return
    if _in_use(v, index):
        yield Violation("in-use", f"{v.seen.value:#x} was in use")
    if (v.seen.value ^ v.machine.in_page(v.op)) % PAGE_SIZE:
        what = f"{v.seen.value:#x} is not {v.machine.in_page(v.op):#x} bytes into the page"
        yield Violation("window-offset", what)


def _spilled(v: View) -> bool:
    """Tell whether wrong use has left the CPU's stack beyond its window: nothing stops it there.

    DEBUG_HIGHMEM stops one that is too deep.  One unmap too many is a BUG after it has counted.
    """
    if v.machine.local:
        return False
    depth, layout = v.before.depths[v.seen.cpu], v.machine.layout
    return depth < 0 or (depth >= layout.window and not layout.debug_highmem)


def _in_use(v: View, index: int) -> bool:
    """Tell whether another mapping of the same stack is on the entry, or a test has set it."""
    if v.machine.local:
        mine = v.live(v.task_before)
        return index in mine or v.set_by_hand(index)
    if v.machine.layout.generation is Generation.TYPED:
        return False
    return 0 <= v.machine.layout.window_slot(v.seen.cpu, index) < v.depth_before


def guards(v: View) -> Iterator[Violation]:
    """With DEBUG_KMAP_LOCAL nothing is mapped beside a mapping.

    Any correct kernel that was configured so, because an access beyond the page must fault there
    (``CONFIG_DEBUG_KMAP_LOCAL``: "guard pages").
    """
    if not v.maps_window or not v.machine.layout.debug_kmap_local:
        return
    index, live = v.machine.layout.fixindex(v.seen.value), v.live(v.task_after)
    for beside in (index - 1, index + 1):
        if beside in live:
            yield Violation("guard", f"entry {beside}, beside {v.seen.value:#x}, is mapped too")


def pte(v: View) -> Iterator[Violation]:
    """The PTE behind a returned address maps the page with the protection asked for.

    Any correct kernel, because that is what the caller reads and writes.
    """
    if not v.maps_window:
        return
    want = v.machine.window_pte(v.op)
    if not same_translation(v.seen.pte, want):
        yield Violation("window-pte", f"{v.seen.value:#x}: PTE {v.seen.pte:#x}, not {want:#x}")
    index = v.machine.layout.fixindex(v.seen.value)
    got = v.after.windows.get(index, 0)
    if index in v.machine.watched and not same_translation(got, v.seen.pte):
        yield Violation("window-pte", f"entry {index} was not seen to change to {v.seen.pte:#x}")


def unmapped(v: View) -> Iterator[Violation]:
    """The unmap of an address beside the windows gives nothing back.

    Any correct kernel, because callers pass what they were given, which for lowmem is an address
    of the direct map: they would give back another's mapping.
    """
    if v.op.code not in WINDOW_UNMAPS or not v.done or v.machine.in_window(v.operand):
        return
    if v.depth_after != v.depth_before:
        yield Violation("outside-unmap", f"unmap of {v.operand:#x} changed the stack")


def popped(v: View) -> Iterator[Violation]:
    """An unmap flushes its entry before the entry can be taken again.

    Any correct kernel, because an interrupt takes the entry above the stack's top.
    """
    task = v.task_before
    may_come = not task.irqs_off and not task.contexts
    if v.unmaps_window and may_come and v.seen.flush_dirty > 0 and not v.disorder:
        yield Violation("popped-early", f"{v.operand:#x} was popped before it was flushed")


def own_entries(v: View) -> Iterator[Violation]:
    """The running task's mappings are installed, as they were made, whoever ran in between.

    Any correct kernel, because a local mapping may be held over a sleep (``kmap_local_page``).
    """
    task = v.task_after
    if (
        task.phase is not Phase.READY
        or v.op.code == OpCode.SET_PTE
        or v.seen.status is Status.REFUSED
    ):
        return
    for index, want in v.live(task).items():
        got = v.after.windows.get(index, 0)
        if not same_translation(got, want) and _kept(v, index):
            yield Violation("own-entry", f"entry {index} is {got:#x}, the task mapped {want:#x}")


def _kept(v: View, index: int) -> bool:
    """Tell whether nothing but the kernel has touched the entry, so far as is known."""
    was = v.live(v.task_before).get(index)
    return v.before.current != v.op.task or was is None or was == v.before.windows.get(index)


def survivors(v: View) -> Iterator[Violation]:
    """Nothing of a task that has ended stays in the windows.

    Any correct kernel, because nobody is left to take it away, and the page may be anybody's soon.
    A task that sleeps is no such task: it holds its pages, and its entries may wait for the next
    task that needs their place.
    """
    if v.seen.status is Status.REFUSED:
        return
    mine = {index for one in v.after.tasks if one.phase is not Phase.DEAD for index in v.live(one)}
    for number, task in enumerate(v.after.tasks):
        if task.phase is not Phase.DEAD or number == v.op.task:
            continue
        for index, entry in v.live(task).items():
            if v.after.windows.get(index) == entry and index not in mine:
                yield Violation(
                    "survived-owner", f"entry {index} of task {number}, which has ended"
                )


def _depth_change(v: View) -> int:
    if v.maps_window:
        return v.machine.increment
    return -v.machine.increment if v.unmaps_window else 0


def stack(v: View) -> Iterator[Violation]:
    """A mapping takes an entry, an unmap gives one back, and nothing else touches them.

    Any correct kernel, because a window has few entries: those that nobody gives back are soon
    all, and one that is given back too early is the next mapping's as well.
    """
    if v.seen.status not in (Status.OK, Status.FAULT) or "depth" in v.blind:
        return
    moved = not v.machine.local and v.op.code == OpCode.MIGRATE
    if not moved and v.depth_after - v.depth_before != _depth_change(v):
        yield Violation("depth", f"depth {v.depth_before} to {v.depth_after} by {v.op.code.name}")
    if v.maps_window and v.too_deep(v.depth_after):
        yield Violation(
            "too-deep", f"depth {v.depth_after} in a window of {v.machine.layout.window}"
        )


def order(v: View) -> Iterator[Violation]:
    """The first unmap out of order does not pass unnoticed (local, or with DEBUG_HIGHMEM).

    Any correct kernel, because the entry that it takes away is another mapping's.
    """
    told = v.machine.local or v.machine.layout.debug_highmem
    fresh = _ORDER not in v.before.warned and "warns" not in v.blind and v.done
    if told and fresh and v.disorder and not v.seen.warns:
        yield Violation("order", f"unmap of {v.operand:#x} out of order went unnoticed")


def _section(v: View) -> int:
    """+1 where an atomic mapping opened a section, -1 where one closed it."""
    if not v.done:
        return 0
    kind = OPERATIONS[v.op.code]
    sections = _SECTIONS_OF_LOCAL if v.machine.local else _SECTIONS
    return (kind.enters in sections) - (kind.leaves in sections)


def _preempt_change(v: View) -> int:
    if not v.done:
        return 0
    kind, by_hand = OPERATIONS[v.op.code], AtomicSection.PREEMPT
    if by_hand in (kind.enters, kind.leaves):
        return 1 if kind.enters is by_hand else -1
    return 0 if v.machine.layout.rt else _section(v)


def bookkeeping(v: View) -> Iterator[Violation]:
    """Sections open and close evenly, and a task with mappings does not leave its CPU.

    Any correct kernel, because callers rely on the section, and an address is one CPU's.
    """
    before, after = v.task_before, v.task_after
    if (
        after.phase is not Phase.READY
        or before.phase is not Phase.READY
        or v.seen.status is Status.REFUSED
    ):
        return
    pagefault = (before.pagefault + _section(v)) & 0xFFFF
    if v.seen.pagefault != pagefault:
        yield Violation("pagefault", f"pagefault_disabled {v.seen.pagefault}, not {pagefault}")
    if v.machine.layout.preempt_count and after.preempt != before.preempt + _preempt_change(v):
        yield Violation(
            "preempt", f"preempt_count {before.preempt} to {after.preempt} by {v.op.code.name}"
        )
    yield from _pinned(v, before, after)


_NEGATIVE = 0x8000
"""From here on a ``pagefault_disabled`` of 16 bits stands for a number below 0."""


def _pinned(v: View, before: TaskState, after: TaskState) -> Iterator[Violation]:
    """Whoever has a local mapping, or on RT a section, is held on its CPU; nobody else is."""
    if v.live(before) and after.depth > 0 and v.seen.cpu != before.cpu:
        yield Violation(
            "moved", f"a task with mappings went from CPU {before.cpu} to {v.seen.cpu}"
        )
    if not v.machine.local or "migrate" in v.blind:
        return
    rt = v.machine.layout.rt
    held = after.depth > 0 or (rt and 0 < v.seen.pagefault < _NEGATIVE)
    free = not held and not (rt and after.atomic)
    if _section(v) < 0 and before.pagefault <= 0:
        return  # kunmap_atomic of RT without its kmap_atomic lets go of what it has not pinned
    detail = f"migration_disabled {before.migrate} to {after.migrate} by {v.op.code.name}"
    if held and after.migrate <= 0 and (rt or not after.atomic):
        yield Violation("pinned", f"{detail}, with mappings")
    elif free and after.migrate > max(before.migrate, 0) * (not _lets_go(v)):
        yield Violation("pinned", f"{detail}, without mappings")


def _lets_go(v: View) -> bool:
    """Tell whether the operation has given back a mapping, or closed a section."""
    return _depth_change(v) < 0 or _section(v) < 0


PLACE_RULES = (place, pte)
"""The rules that hold in the typed generation too, which has no stack and nothing to switch."""

RULES = (
    place,
    pte,
    unmapped,
    popped,
    guards,
    own_entries,
    survivors,
    stack,
    order,
    bookkeeping,
)
