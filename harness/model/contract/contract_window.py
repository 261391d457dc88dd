"""The contract of atomic and local mappings.

Its rules are about the place of a mapping, the stack, what a switch does, and the counts.
"""

from collections.abc import Iterator

from harness.model.contract.view import View, Violation
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
    """A mapping lies in its CPU's window, on an entry that was free; lowmem needs no entry."""
    if (
        not v.maps_window
        and v.op.code in WINDOW_MAPS
        and v.done
        and v.seen.value != v.machine.direct[v.op.page]
    ):
        yield Violation(
            "lowmem-address", f"lowmem page {v.op.page} was mapped at {v.seen.value:#x}"
        )
    if not v.maps_window:
        return
    layout = v.machine.layout
    index = layout.fixindex(v.seen.value)
    spilled = (
        not v.machine.local
        and not layout.debug_highmem
        and not 0 <= v.before.depths[v.seen.cpu] < layout.window
    )
    if not v.machine.in_window(v.seen.value) or (
        v.machine.window_owner(index) != v.seen.cpu and not spilled
    ):
        yield Violation("window", f"{v.seen.value:#x} is not in the window of CPU {v.seen.cpu}")
        return
    if (index - layout.fix_kmap_begin) % layout.window % 2 == 0 and layout.debug_kmap_local:
        yield Violation("guard", f"{v.seen.value:#x} is a guard entry")
    own = v.live(v.task_before)
    if index in own or (v.machine.local and index in v.before.windows and not _leaving(v, index)):
        yield Violation("in-use", f"{v.seen.value:#x} was in use")


def _leaving(v: View, index: int) -> bool:
    """Whether the entry was that of the task that ran before, which has left the CPU since."""
    last = v.before.current
    return last >= 0 and index in v.live(v.before.tasks[last])


def pte(v: View) -> Iterator[Violation]:
    """The PTE behind a returned address maps the page with the protection asked for."""
    if not v.maps_window:
        return
    want = v.machine.window_pte(v.op)
    if v.seen.pte != want:
        yield Violation("window-pte", f"{v.seen.value:#x}: PTE {v.seen.pte:#x}, not {want:#x}")
    if v.machine.local and v.seen.pte not in v.task_after.saved:
        yield Violation(
            "not-saved", f"{v.seen.value:#x} is not among what a switch would put back"
        )
    index = v.machine.layout.fixindex(v.seen.value)
    if v.after.windows.get(index, 0) != v.seen.pte and index in v.machine.watched:
        yield Violation("window-pte", f"entry {index} was not seen to change to {v.seen.pte:#x}")


def unmapped(v: View) -> Iterator[Violation]:
    """After an unmap in order the entry is none; an address beside the windows changes nothing."""
    if v.op.code not in WINDOW_UNMAPS or not v.done:
        return
    address = v.operand
    if not v.machine.in_window(address):
        if v.depth_after != v.depth_before or v.seen.saved:
            yield Violation("outside-unmap", f"unmap of {address:#x} changed the stack")
    elif not v.disorder and v.machine.layout.fixindex(address) in v.after.windows:
        yield Violation("still-mapped", f"{address:#x} is still mapped after its unmap")
    elif not v.machine.local and "depth" not in v.blind and v.depth_after < v.depth_before:
        top = v.machine.layout.window_index(v.seen.cpu, v.depth_after)
        if v.after.windows.get(top, 0):
            yield Violation(
                "still-mapped", f"entry {top} is above the stack's top and still mapped"
            )


def popped(v: View) -> Iterator[Violation]:
    """An unmap flushes its entry before the entry can be taken again.

    Any correct kernel, because an interrupt takes the entry above the stack's top.
    """
    task = v.task_before
    may_come = not task.irqs_off and not task.contexts
    if v.unmaps_window and may_come and v.seen.flush_dirty > 0 and not v.disorder:
        yield Violation("popped-early", f"{v.operand:#x} was popped before it was flushed")


def own_entries(v: View) -> Iterator[Violation]:
    """The running task's mappings are installed, as they were made."""
    task = v.task_after
    if (
        task.phase is not Phase.READY
        or v.op.code == OpCode.SET_PTE
        or v.seen.status is Status.REFUSED
    ):
        return
    for index, want in v.live(task).items():
        got = v.after.windows.get(index, 0)
        if got != want and _kept(v, index):
            yield Violation("own-entry", f"entry {index} is {got:#x}, the task mapped {want:#x}")


def _kept(v: View, index: int) -> bool:
    """Whether nothing but the kernel has touched the entry, so far as is known."""
    was = v.live(v.task_before).get(index)
    return v.before.current != v.op.task or was is None or was == v.before.windows.get(index)


def foreign_entries(v: View) -> Iterator[Violation]:
    """Mappings of a task that is not on a CPU are not in the windows."""
    if v.seen.status is Status.REFUSED:
        return
    mine = set(v.live(v.task_after))
    mine.update(*(v.live(v.after.tasks[number]) for number in v.after.spinning))
    for number, task in enumerate(v.after.tasks):
        if task.atomic or number == v.after.current:
            continue
        for index, entry in v.live(task).items():
            if v.after.windows.get(index) == entry and index not in mine:
                yield Violation(
                    "left-behind", f"entry {index} of task {number} is there while it sleeps"
                )


def kept(v: View) -> Iterator[Violation]:
    """What a switch would put back of a mapping changes with that mapping only."""
    before, after = v.task_before, v.task_after
    if Phase.DEAD in (before.phase, after.phase):
        return
    for entry in range(min(before.depth, after.depth, len(after.saved))):
        if before.saved[entry] != after.saved[entry]:
            detail = f"pteval[{entry}] from {before.saved[entry]:#x} to {after.saved[entry]:#x}"
            yield Violation("saved-changed", f"{detail} by {v.op.code.name}")


def _depth_change(v: View) -> int:
    if v.maps_window:
        return v.machine.increment
    return -v.machine.increment if v.unmaps_window else 0


def stack(v: View) -> Iterator[Violation]:
    """The stack grows with a mapping, shrinks with an unmap, and nothing else touches it."""
    if v.seen.status not in (Status.OK, Status.FAULT) or "depth" in v.blind:
        return
    moved = not v.machine.local and v.op.code == OpCode.MIGRATE
    if not moved and v.depth_after - v.depth_before != _depth_change(v):
        yield Violation("depth", f"depth {v.depth_before} to {v.depth_after} by {v.op.code.name}")
    if v.maps_window and v.too_deep(v.depth_after):
        yield Violation(
            "too-deep", f"depth {v.depth_after} in a window of {v.machine.layout.window}"
        )
    yield from _saved(v.task_before, v.task_after)


def _saved(before: TaskState, after: TaskState) -> Iterator[Violation]:
    """What a switch would put back is what was mapped, up to the depth and no further."""
    for entry in range(max(after.depth, 0), len(after.saved)):
        if after.saved[entry]:
            yield Violation("saved", f"pteval[{entry}] is left at depth {after.depth}")
    for entry in range(min(before.depth, after.depth, len(after.saved))):
        if after.saved[entry] != before.saved[entry]:
            yield Violation(
                "saved", f"pteval[{entry}] in use has changed to {after.saved[entry]:#x}"
            )


def order(v: View) -> Iterator[Violation]:
    """The first unmap out of order warns (in the local generation, or with DEBUG_HIGHMEM)."""
    told = v.machine.local or v.machine.layout.debug_highmem
    fresh = _ORDER not in v.before.warned and "warns" not in v.blind and v.done
    if told and fresh and v.disorder and not v.seen.warns:
        yield Violation("order", f"unmap of {v.operand:#x} out of order went unnoticed")


def _section(v: View) -> int:
    """+1 if an atomic mapping opened a section, -1 if an unmap closed one, else 0."""
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
    """Counts follow the sections; a task is pinned to its CPU while it has local mappings."""
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


def _pin_sign(v: View) -> int:
    """Whether the operation pins the task to its CPU (+1), lets it go (-1), or neither."""
    rt = _section(v) if v.machine.layout.rt else 0
    return (_depth_change(v) > 0) - (_depth_change(v) < 0) or rt


def _pinned(v: View, before: TaskState, after: TaskState) -> Iterator[Violation]:
    """Mapping pins, unmapping lets go, and nothing else does either (``migrate_disable``)."""
    if not v.machine.local or "migrate" in v.blind:
        return
    sign = _pin_sign(v)
    change = after.migrate - before.migrate
    if (change > 0) - (change < 0) != sign and (sign >= 0 or before.migrate):
        yield Violation(
            "pinned", f"migration_disabled {before.migrate} to {after.migrate} by {v.op.code.name}"
        )
    if v.live(before) and v.seen.cpu != before.cpu:
        yield Violation(
            "moved", f"a task with mappings went from CPU {before.cpu} to {v.seen.cpu}"
        )


PLACE_RULES = (place, pte)
"""What holds in the typed generation too, which has no stack and nothing to switch."""

RULES = (
    place,
    pte,
    unmapped,
    popped,
    own_entries,
    foreign_entries,
    kept,
    stack,
    order,
    bookkeeping,
)
