"""States that come from snapshots: of a guest at rest, or of a guest that nobody has used.

Also: a state after changes by users of pkmap other than our tasks.
"""

from harness.model.records import vector
from harness.model.records.layout import UNBOUND
from harness.model.records.machine import REGISTERS, Machine
from harness.model.records.observation import Snapshot, Status, TaskView
from harness.model.records.state import Phase, Slot, State, TaskState


def bits(flags: list[bool]) -> int:
    """Bit set of the positions that are true."""
    return sum(1 << at for at, flag in enumerate(flags) if flag)


def _task(machine: Machine, view: TaskView, cpu: int) -> TaskState:
    phase = {Status.BLOCKED: Phase.BLOCKED, Status.DIED: Phase.DEAD}.get(view.status, Phase.READY)
    saved = view.saved[: machine.layout.window]
    saved += (0,) * (machine.layout.window - len(saved) if machine.local else 0)
    home = view.cpu if cpu == UNBOUND else cpu
    depth = view.depth if machine.local else 0
    saved = tuple(pte if entry < depth else 0 for entry, pte in enumerate(saved))
    live = sum(1 for pte in saved if pte)
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
    """The state after a divergence: as *snapshot* shows it, and as *state* has the rest.

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


def with_foreign_slot(machine: Machine, state: State, slot: int, count: int, pte: int) -> State:
    """*state* with one pkmap slot as somebody else has left it; our pages are known by frame."""
    address = machine.layout.pkmap_address(slot)
    before = vector.get(state.slots, slot).pte
    after = state.with_slot(slot, count, pte)
    for frame, new in ((before, 0), (pte, address if count else 0)):
        page = machine.page_of(frame)
        if frame and page is not None and vector.get(after.where, page) in (0, address):
            after = after.with_where(page, new)
    return after
