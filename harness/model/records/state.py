"""The state of the machinery: immutable, sparse, shared between steps.

Nothing in a state may be changed in place, the dictionaries included.
"""

from enum import IntEnum
from typing import NamedTuple

from harness.model.records import vector
from harness.model.records.layout import FRAME_MASK, PAGE_SHIFT
from harness.model.records.machine import REGISTERS, UNBOUND, Machine
from harness.model.records.observation import Snapshot, Status, TaskView
from harness.model.records.vector import Vector


class Phase(IntEnum):
    """Where a task stands.  WOKEN: runnable, still in the queue; one in an atomic section has its CPU."""

    READY = 0
    BLOCKED = 1
    DEAD = 2
    WOKEN = 3


class Context(NamedTuple):
    """An interrupt context that a task's next ``remaining`` operations run in.

    ``irqs_off`` is the state of interrupts that comes back when the context ends.
    """

    hard: bool
    remaining: int
    irqs_off: bool


class Armed(NamedTuple):
    """An interrupt that a task's operation is to meet, after ``skip`` others (``model.instant``)."""

    where: int
    trigger: int
    page: int
    levels: int
    skip: int


class TaskState(NamedTuple):
    """One task.  ``saved`` is ``kmap_ctrl.pteval`` (empty in other generations than local).

    ``preempt``, ``pagefault`` and ``migrate`` count nesting, also where the kernel does not;
    ``allowed`` is the CPU it may run on or ``UNBOUND``; ``page`` and ``reg`` are those of the
    kmap it sleeps in; ``going`` is the CPU it must go to when it has unmapped what it holds, or -1.
    """

    phase: Phase
    cpu: int
    allowed: int
    depth: int
    saved: tuple[int, ...]
    preempt: int = 0
    pagefault: int = 0
    migrate: int = 0
    irqs_off: bool = False
    contexts: tuple[Context, ...] = ()
    page: int = -1
    reg: int = 0
    armed: Armed | None = None
    going: int = -1

    @property
    def atomic(self) -> bool:
        """Whether the task is in a section in which it cannot sleep."""
        return self.preempt > 0 or self.irqs_off or bool(self.contexts)


class Slot(NamedTuple):
    """A pkmap slot: its ``pkmap_count`` and its PTE."""

    count: int  # type: ignore[assignment] # hides a method of tuple that nobody calls
    pte: int


class State(NamedTuple):
    """Everything the rules read and change.

    ``zeros`` and ``ones`` are bit sets of the slots with count 0 and 1; ``where`` gives
    each page's pkmap address (0: none); ``waiting`` the tasks in ``pkmap_map_wait``, sorted, woken or not;
    ``windows`` the fixmap entries that are not none; ``depths`` ``__kmap_atomic_idx`` per CPU;
    ``memory`` the words known per page; ``stale`` old translations that a TLB may still hold,
    by (CPU or -1 for any, address); ``warned`` the WARN_ONCE sites that have fired;
    ``current`` the task that ran last; ``spinning`` the tasks that keep a CPU, since they are in
    an atomic section; ``tampered``: a test has set a PTE of pkmap by hand; ``locked``: a dead
    task holds ``kmap_lock``; ``lost``: why the model claims nothing more, or empty;
    ``errand``: the last change of affinity or CPU (its operation, and task or CPU), ``offline``: the CPU that was
    taken away; ``user``: the requesting process has just been in user mode with a mapping.
    ``unflushed``: clean slots that no TLB flush has followed yet (only where a kernel clears
    them otherwise than the model).
    """

    cursor: int
    zeros: int
    ones: int
    slots: Vector[Slot]
    where: Vector[int]
    waiting: tuple[int, ...]
    windows: dict[int, int]
    tasks: tuple[TaskState, ...]
    depths: tuple[int, ...]
    registers: Vector[int]
    memory: Vector[dict[int, int]]
    stale: dict[tuple[int, int], tuple[int, ...]]
    warned: frozenset[str]
    current: int = -1
    spinning: tuple[int, ...] = ()
    tampered: bool = False
    locked: bool = False
    lost: str = ""
    unflushed: int = 0
    errand: tuple[int, int] = ()  # type: ignore[assignment] # empty: there is none
    offline: int = -1
    user: bool = False


def bits(flags: list[bool]) -> int:
    """Bit set of the positions that are true."""
    return sum(1 << at for at, flag in enumerate(flags) if flag)


def _task(machine: Machine, view: TaskView, cpu: int) -> TaskState:
    phase = {Status.BLOCKED: Phase.BLOCKED, Status.DIED: Phase.DEAD}.get(view.status, Phase.READY)
    saved = view.saved[: machine.layout.window]
    saved += (0,) * (machine.layout.window - len(saved) if machine.local else 0)
    home = view.cpu if cpu == UNBOUND else cpu
    live = sum(1 for pte in saved if pte)
    depth = view.depth if machine.local else 0
    return TaskState(phase, home, cpu, depth, saved, migrate=live)


def fresh_task(machine: Machine, cpu: int) -> TaskState:
    """A task that has done nothing yet."""
    saved = (0,) * machine.layout.window if machine.local else ()
    return TaskState(Phase.READY, 0 if cpu == UNBOUND else cpu, cpu, 0, saved)


def _tasks(machine: Machine, snapshot: Snapshot) -> tuple[TaskState, ...]:
    views = snapshot.tasks
    return tuple(
        _task(machine, views[number], cpu) if number < len(views) else fresh_task(machine, cpu)
        for number, cpu in enumerate(machine.tasks)
    )


def _addresses(machine: Machine, snapshot: Snapshot) -> list[int]:
    """Addresses of the highmem pages; one that is not of pkmap is none, as it names no slot."""
    known = snapshot.page_addresses
    return [
        known[number]
        if page.highmem and number < len(known) and machine.layout.in_pkmap(known[number])
        else 0
        for number, page in enumerate(machine.pages)
    ]


def initial(
    machine: Machine, snapshot: Snapshot, *, warned: frozenset[str] = frozenset()
) -> State:
    """The state of a guest at rest, others' mappings included.

    *warned* names the WARN_ONCE sites that have fired since its boot.
    """
    counts = list(snapshot.counts)
    depths = snapshot.cpu_depths or (0,) * machine.layout.online_cpus
    return State(
        cursor=snapshot.cursor,
        zeros=bits([count == 0 for count in counts]),
        ones=bits([count == 1 for count in counts]),
        slots=vector.build([Slot(*pair) for pair in zip(counts, snapshot.ptes, strict=True)]),
        where=vector.build(_addresses(machine, snapshot)),
        waiting=tuple(n for n, view in enumerate(snapshot.tasks) if view.status is Status.BLOCKED),
        windows={index: pte for index, pte in snapshot.windows if pte},
        tasks=_tasks(machine, snapshot),
        depths=tuple(depths),
        registers=vector.build([0] * REGISTERS),
        memory=vector.build([{}] * len(machine.pages)),
        stale={},
        warned=warned,
    )


def empty_snapshot(machine: Machine, *, cursor: int = 0) -> Snapshot:
    """The snapshot of a guest whose machinery nobody has used yet."""
    lay = machine.layout
    saved = (0,) * lay.window if machine.local else ()
    return Snapshot(
        cursor=cursor,
        waiters=0,
        counts=(0,) * lay.last_pkmap,
        ptes=(0,) * lay.last_pkmap,
        windows=(),
        tasks=tuple(
            TaskView(Status.OK, 0 if cpu == UNBOUND else cpu, 0, saved) for cpu in machine.tasks
        ),
        cpu_depths=(0,) * lay.online_cpus,
        page_addresses=tuple(
            0 if page.highmem else machine.direct_address(page.pfn) for page in machine.pages
        ),
    )


def _merge(old: TaskState, new: TaskState) -> TaskState:
    return new._replace(allowed=old.allowed, page=old.page, reg=old.reg)


def resync(machine: Machine, state: State, snapshot: Snapshot) -> State:
    """Go on after a divergence: everything that *snapshot* shows is taken from it, the rest is kept.

    A snapshot is taken between requests, where no task is in an atomic section.
    """
    seen = initial(machine, snapshot, warned=state.warned)
    tasks = tuple(_merge(old, new) for old, new in zip(state.tasks, seen.tasks, strict=True))
    return seen._replace(
        tasks=tasks,
        registers=state.registers,
        memory=state.memory,
        stale=state.stale,
        locked=state.locked,
        tampered=state.tampered,
    )


def with_slot(state: State, machine: Machine, slot: int, count: int, pte: int) -> State:
    """*state* with one pkmap slot as somebody else has left it; a page of ours is known by its frame."""
    before = vector.get(state.slots, slot)
    where = state.where
    address = machine.layout.pkmap_address(slot)
    for frame, new in ((before.pte, 0), (pte, address if count else 0)):
        page = machine.ids.get((frame & FRAME_MASK) >> PAGE_SHIFT)
        if frame and page is not None and vector.get(where, page) in (0, address):
            where = vector.put(where, page, new)
    bit = 1 << slot
    return state._replace(
        zeros=state.zeros | bit if count == 0 else state.zeros & ~bit,
        ones=state.ones | bit if count == 1 else state.ones & ~bit,
        slots=vector.put(state.slots, slot, Slot(count, pte)),
        where=where,
    )


def with_cursor(state: State, cursor: int) -> State:
    """*state* with ``last_pkmap_nr`` as somebody else has left it."""
    return state._replace(cursor=cursor)


def with_window(state: State, index: int, pte: int) -> State:
    """*state* with one fixmap entry as somebody else has left it (0: none)."""
    windows = {at: old for at, old in state.windows.items() if at != index}
    if pte:
        windows[index] = pte
    return state._replace(windows=windows)
