"""The contract of atomic and local mappings: right place, own entries only, bookkeeping, switches."""

from collections.abc import Iterator

from harness.model.contract.violation import View, Violation
from harness.model.records import vector
from harness.model.records.km_type import slot
from harness.model.records.layout import ADDRESS_MASK, Generation
from harness.model.records.observation import Status
from harness.model.records.operation import Base, OpCode
from harness.model.records.state import Phase, TaskState
from harness.model.rules.draft import PAGE_MASK
from harness.model.rules.refusal import MAPS

ATOMIC_MAPS = frozenset({OpCode.KMAP_ATOMIC, OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN})
WINDOW_MAPS = MAPS - {OpCode.KMAP}
UNMAPS = frozenset({OpCode.KUNMAP_ATOMIC, OpCode.KUNMAP_LOCAL, OpCode.IOUNMAP})
_ORDER = "unmap-order"
"""The WARN_ONCE of an unmap out of order, as ``State.warned`` names it."""
BY_PFN = frozenset({OpCode.KMAP_ATOMIC_PFN, OpCode.KMAP_LOCAL_PFN, OpCode.IOMAP})


def operand(v: View) -> int:
    """The address that an operation names."""
    op, layout = v.op, v.machine.layout
    if op.base == Base.REG:
        start = vector.get(v.before.registers, op.reg)
    elif op.base == Base.DIRECT:
        start = v.machine.direct[op.page]
    elif op.base == Base.ABSOLUTE:
        start = 0
    else:
        start = layout.fixaddr(op.reg) if op.base == Base.FIXMAP else layout.pkmap_address(op.reg)
    return (start + op.offset) & ADDRESS_MASK


def in_window(v: View, address: int) -> bool:
    """Whether *address* lies in any CPU's window."""
    return v.machine.window_low <= address & PAGE_MASK <= v.machine.window_high


def _maps_high(v: View) -> bool:
    """Whether the operation must have made a mapping in a window."""
    done = v.op.code in WINDOW_MAPS and v.seen.status is Status.OK
    return done and (
        v.machine.pages[v.op.page].highmem or v.op.code in BY_PFN or v.machine.layout.force_map
    )


def _maps_low(v: View) -> bool:
    return v.op.code in WINDOW_MAPS and v.seen.status is Status.OK and not _maps_high(v)


def place(v: View) -> Iterator[Violation]:
    """A mapping lies in the window of its CPU, on an entry that was not in use; lowmem needs none."""
    if _maps_low(v) and v.seen.value != v.machine.direct[v.op.page]:
        yield Violation(
            "lowmem-address", f"lowmem page {v.op.page} was mapped at {v.seen.value:#x}"
        )
    if not _maps_high(v):
        return
    layout = v.machine.layout
    index = layout.fixindex(v.seen.value)
    spilled = (
        not v.machine.local
        and not layout.debug_highmem
        and not 0 <= v.before.depths[v.seen.cpu] < layout.window
    )
    if not in_window(v, v.seen.value) or (
        v.machine.window_owner(index) != v.seen.cpu and not spilled
    ):
        yield Violation("window", f"{v.seen.value:#x} is not in the window of CPU {v.seen.cpu}")
        return
    if (index - layout.fix_kmap_begin) % layout.window % 2 == 0 and layout.debug_kmap_local:
        yield Violation("guard", f"{v.seen.value:#x} is a guard entry")
    own = _live(v, v.before.tasks[v.op.task])
    if index in own or (v.machine.local and index in v.before.windows and not _leaving(v, index)):
        yield Violation("in-use", f"{v.seen.value:#x} was in use")


def _leaving(v: View, index: int) -> bool:
    """Whether the entry was that of the task that ran before, which has left the CPU since."""
    last = v.before.current
    return last >= 0 and index in _live(v, v.before.tasks[last])


def _live(v: View, task: TaskState) -> dict[int, int]:
    """Window entries of a task's local mappings; in other generations than local a task has none."""
    step = v.machine.increment
    entries = range(step - 1, min(task.depth, len(task.saved)), step)
    return {
        v.machine.layout.window_index(task.cpu, entry): task.saved[entry]
        for entry in entries
        if task.saved[entry]
    }


def pte(v: View) -> Iterator[Violation]:
    """The PTE behind a returned address maps the page with the protection asked for."""
    if not _maps_high(v):
        return
    want = v.machine.window_pte(v.op)
    if v.seen.pte != want:
        yield Violation("window-pte", f"{v.seen.value:#x}: PTE {v.seen.pte:#x}, not {want:#x}")
    if v.machine.local and v.seen.pte not in v.after.tasks[v.op.task].saved:
        yield Violation(
            "not-saved", f"{v.seen.value:#x} is not among what a switch would put back"
        )
    index = v.machine.layout.fixindex(v.seen.value)
    if v.after.windows.get(index, 0) != v.seen.pte and index in v.machine.watched:
        yield Violation("window-pte", f"entry {index} was not seen to change to {v.seen.pte:#x}")


def type_in_use(v: View) -> bool:
    """Whether the entry of the type that the operation names is in use, in the typed generation."""
    layout = v.machine.layout
    return (
        layout.window_index(v.seen.cpu, slot(v.op.value, debug=layout.debug_highmem))
        in v.before.windows
    )


def may_die(v: View) -> bool:
    """Whether the caller has done what a BUG is for: too deep, unmapped twice, over an entry set by hand."""
    if v.machine.layout.generation is Generation.TYPED:
        wrong = v.op.code in UNMAPS and v.machine.layout.debug_highmem
        return type_in_use(v) if v.op.code in ATOMIC_MAPS else wrong
    depth = _depth_before(v)
    if v.op.code in UNMAPS:
        return depth <= 0 or v.machine.layout.debug_highmem
    return v.op.code in WINDOW_MAPS and (
        _by_hand(v, depth) or _too_deep(v, depth + v.machine.increment)
    )


def _by_hand(v: View, depth: int) -> bool:
    """Whether the entry that comes next is in use, and by no task's mapping."""
    index = v.machine.layout.window_index(v.seen.cpu, depth + v.machine.increment - 1)
    return index in v.before.windows and not any(
        index in _live(v, task) for task in v.before.tasks
    )


def _too_deep(v: View, depth: int) -> bool:
    """Whether a stack of that *depth* must be a BUG; without DEBUG_HIGHMEM the older generation has no limit."""
    layout = v.machine.layout
    return (
        depth >= layout.window
        if v.machine.local
        else layout.debug_highmem and depth > layout.window
    )


def disorder(v: View) -> bool:
    """Whether the caller broke the order of unmapping: then the rules of the stack are off."""
    depth = _depth_before(v)
    top = v.machine.layout.fixaddr(v.machine.layout.window_index(v.seen.cpu, depth - 1))
    unmaps = v.op.code in UNMAPS and in_window(v, operand(v))
    return unmaps and (depth <= 0 or top != operand(v) & PAGE_MASK)


def unmapped(v: View) -> Iterator[Violation]:
    """After an unmap in order the entry is none; an address beside the windows changes nothing."""
    if v.op.code not in UNMAPS or v.seen.status is not Status.OK:
        return
    address = operand(v)
    if not in_window(v, address):
        if _depth_after(v) != _depth_before(v) or v.seen.saved:
            yield Violation("outside-unmap", f"unmap of {address:#x} changed the stack")
    elif not disorder(v) and v.machine.layout.fixindex(address) in v.after.windows:
        yield Violation("still-mapped", f"{address:#x} is still mapped after its unmap")
    elif not v.machine.local and "depth" not in v.blind and _depth_after(v) < _depth_before(v):
        top = v.machine.layout.window_index(v.seen.cpu, _depth_after(v))
        if v.after.windows.get(top, 0):
            yield Violation(
                "still-mapped", f"entry {top} is above the stack's top and still mapped"
            )


def _depth_before(v: View) -> int:
    return v.before.tasks[v.op.task].depth if v.machine.local else v.before.depths[v.seen.cpu]


def _depth_after(v: View) -> int:
    return v.after.tasks[v.op.task].depth if v.machine.local else v.after.depths[v.seen.cpu]


def flushed(v: View) -> Iterator[Violation]:
    """Flush before reuse: the address of an unmap is flushed on this CPU before another page is there."""
    done = v.op.code in UNMAPS and v.seen.status is Status.OK and in_window(v, operand(v))
    if not done or "invlpgs" in v.blind:
        return
    address = operand(v) & PAGE_MASK
    if not v.seen.invlpgs:
        yield Violation("unflushed", f"{address:#x} was unmapped without a flush")
    elif v.seen.invlpgs == 1 and v.seen.invlpg_address != address:
        yield Violation("unflushed", f"{v.seen.invlpg_address:#x} was flushed for {address:#x}")


def own_entries(v: View) -> Iterator[Violation]:
    """The running task's mappings are installed, as they were made."""
    task = v.after.tasks[v.op.task]
    if (
        task.phase is not Phase.READY
        or v.op.code == OpCode.SET_PTE
        or v.seen.status is Status.REFUSED
    ):
        return
    for index, want in _live(v, task).items():
        got = v.after.windows.get(index, 0)
        if got != want and _kept(v, index):
            yield Violation("own-entry", f"entry {index} is {got:#x}, the task mapped {want:#x}")


def _kept(v: View, index: int) -> bool:
    """Whether nothing but the kernel has touched the entry, so far as is known."""
    was = _live(v, v.before.tasks[v.op.task]).get(index)
    return v.before.current != v.op.task or was is None or was == v.before.windows.get(index)


def foreign_entries(v: View) -> Iterator[Violation]:
    """Mappings of a task that is not on a CPU are not in the windows."""
    if v.seen.status is Status.REFUSED:
        return
    mine = set(_live(v, v.after.tasks[v.op.task]))
    mine.update(*(_live(v, v.after.tasks[number]) for number in v.after.spinning))
    for number, task in enumerate(v.after.tasks):
        if task.atomic or number == v.after.current:
            continue
        for index, entry in _live(v, task).items():
            if v.after.windows.get(index) == entry and index not in mine:
                yield Violation(
                    "left-behind", f"entry {index} of task {number} is there while it sleeps"
                )


def switched(v: View) -> Iterator[Violation]:
    """A task that sleeps with mappings has each flushed on its way out."""
    slept = v.op.code == OpCode.SLEEP and v.seen.status is Status.OK
    if slept and "invlpgs" not in v.blind:
        live = len(_live(v, v.before.tasks[v.op.task]))
        if v.seen.invlpgs < live:
            yield Violation(
                "switch-unflushed", f"{v.seen.invlpgs} flushes for {live} mappings switched out"
            )


def kept(v: View) -> Iterator[Violation]:
    """What a switch would put back of a mapping changes with that mapping only."""
    before, after = v.before.tasks[v.op.task], v.after.tasks[v.op.task]
    if Phase.DEAD in (before.phase, after.phase):
        return
    for entry in range(min(before.depth, after.depth, len(after.saved))):
        if before.saved[entry] != after.saved[entry]:
            detail = f"pteval[{entry}] from {before.saved[entry]:#x} to {after.saved[entry]:#x}"
            yield Violation("saved-changed", f"{detail} by {v.op.code.name}")


def _depth_change(v: View) -> int:
    if _maps_high(v):
        return v.machine.increment
    unmap = v.op.code in UNMAPS and v.seen.status is Status.OK and in_window(v, operand(v))
    return -v.machine.increment if unmap else 0


def stack(v: View) -> Iterator[Violation]:
    """The stack grows with a mapping, shrinks with an unmap, and nothing else touches it."""
    if v.seen.status not in (Status.OK, Status.FAULT) or "depth" in v.blind:
        return
    moved = not v.machine.local and v.op.code == OpCode.MIGRATE
    if not moved and _depth_after(v) - _depth_before(v) != _depth_change(v):
        yield Violation(
            "depth", f"depth {_depth_before(v)} to {_depth_after(v)} by {v.op.code.name}"
        )
    if _maps_high(v) and _too_deep(v, _depth_after(v)):
        yield Violation(
            "too-deep", f"depth {_depth_after(v)} in a window of {v.machine.layout.window}"
        )
    yield from _saved(v.before.tasks[v.op.task], v.after.tasks[v.op.task])


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
    """An unmap out of order is told, once; nothing else of the stack is off (local, or with DEBUG_HIGHMEM)."""
    told = v.machine.local or v.machine.layout.debug_highmem
    fresh = _ORDER not in v.before.warned and "warns" not in v.blind and v.seen.status is Status.OK
    if told and fresh and disorder(v) and not v.seen.warns:
        yield Violation("order", f"unmap of {operand(v):#x} out of order went unnoticed")


def _section(v: View) -> int:
    """+1 where an atomic mapping opened a section, -1 where one closed it."""
    if v.seen.status is not Status.OK:
        return 0
    iomap = not v.machine.local and v.op.code in (OpCode.IOMAP, OpCode.IOUNMAP)
    if v.op.code in ATOMIC_MAPS or (iomap and v.op.code == OpCode.IOMAP):
        return 1
    return -1 if v.op.code == OpCode.KUNMAP_ATOMIC or iomap else 0


def _preempt_change(v: View) -> int:
    if v.seen.status is not Status.OK:
        return 0
    if v.op.code in (OpCode.PREEMPT_OFF, OpCode.PREEMPT_ON):
        return 1 if v.op.code == OpCode.PREEMPT_OFF else -1
    return 0 if v.machine.layout.rt else _section(v)


def bookkeeping(v: View) -> Iterator[Violation]:
    """Sections open and close evenly; a mapped task cannot leave its CPU, an unmapped one is not held."""
    before, after = v.before.tasks[v.op.task], v.after.tasks[v.op.task]
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
    if _live(v, before) and v.seen.cpu != before.cpu:
        yield Violation(
            "moved", f"a task with mappings went from CPU {before.cpu} to {v.seen.cpu}"
        )


PLACE_RULES = (place, pte)
"""What holds in the typed generation too, which has no stack and nothing to switch."""

RULES = (
    place,
    pte,
    unmapped,
    flushed,
    own_entries,
    foreign_entries,
    switched,
    kept,
    stack,
    order,
    bookkeeping,
)
