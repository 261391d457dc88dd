"""The state after a step as it was *seen*, whatever the rules would have made of it.

A comparison uses it to go on after a kernel has done something allowed that this model does
not do (another slot, another flush), without reading the guest again.
"""

from harness.model.records import vector
from harness.model.records.context_counts import migrate_extra, preempt_extra
from harness.model.records.machine import Machine
from harness.model.records.observation import ASLEEP, Observation, SlotChange, Status
from harness.model.records.operation import KERNEL_MAPS, OpCode, Operation
from harness.model.records.outcome import Outcome
from harness.model.records.state import Context, Phase, State, TaskState

_QUEUED = (Phase.BLOCKED, Phase.WOKEN)


def _slot(machine: Machine, state: State, change: SlotChange, *, hidden: bool) -> State:
    own = machine.layout.pkmap_address(change.slot)
    untold = hidden or (change.address and not machine.layout.in_pkmap(change.address))
    address = (own if change.count else 0) if untold else change.address
    old = machine.page_of(vector.get(state.slots, change.slot).pte)
    new = machine.page_of(change.pte)
    after = state.with_slot(change.slot, change.count, change.pte)
    if old is not None and vector.get(after.where, old) == own:
        after = after.with_where(old, 0 if change.pte else address)
    if new is not None and machine.pages[new].highmem:
        after = after.with_where(new, address)
    return after


def _phase(op: Operation, seen: Observation, task: TaskState) -> Phase:
    if seen.status in ASLEEP:
        return Phase.BLOCKED
    if seen.status in (Status.DIED, Status.STUCK) or (
        seen.status is Status.OK and op.code == OpCode.EXIT
    ):
        return Phase.DEAD
    return task.phase


def _signed(count: int) -> int:
    """A raw preempt_count as a number: PREEMPT_NEED_RESCHED, the top bit, is not in it."""
    return count - 0x8000_0000 if count >= 0x4000_0000 else count


def _acting(
    machine: Machine,
    base: TaskState,
    op: Operation,
    seen: Observation,
    contexts: tuple[Context, ...],
) -> TaskState:
    """The acting task; *contexts* are those in which it was observed."""
    saved = list(base.saved)
    for change in seen.saved:
        saved[change.entry] = change.pte
    phase = _phase(op, seen, base)
    blocked = phase is Phase.BLOCKED
    started = seen.status in ASLEEP
    extra = preempt_extra(contexts, rt=machine.layout.rt)
    migrate = seen.migrate - migrate_extra(contexts, rt=machine.layout.rt)
    counted = machine.layout.preempt_count and phase is Phase.READY
    return base._replace(
        phase=phase,
        cpu=seen.cpu,
        depth=seen.depth if machine.local else base.depth,
        saved=tuple(saved),
        preempt=_signed(seen.preempt - extra) if counted else base.preempt,
        migrate=migrate if phase is Phase.READY else base.migrate,
        page=(op.page if started and op.page < len(machine.pages) else base.page)
        if blocked
        else -1,
        reg=(op.reg if started else base.reg) if blocked else 0,
    )


def _unseen(was: TaskState, now: TaskState) -> TaskState:
    """A task *was* in another's step, which does not show where it may run and its contexts."""
    return was._replace(
        cpu=now.cpu,
        allowed=now.allowed,
        going=now.going,
        contexts=now.contexts,
        irqs_off=now.irqs_off,
    )


def _tasks(
    machine: Machine, before: State, base: State, op: Operation, seen: Observation
) -> State:
    tasks = [_unseen(was, now) for was, now in zip(before.tasks, base.tasks, strict=True)]
    acting = before.tasks[op.task]
    task = base.tasks[op.task]._replace(phase=acting.phase, saved=acting.saved)
    tasks[op.task] = _acting(machine, task, op, seen, acting.contexts)
    registers = base.registers
    if seen.status is Status.OK and op.code in KERNEL_MAPS:
        registers = vector.put(registers, op.reg, seen.value)
    for done in seen.done:
        sleeper = before.tasks[done.task]
        tasks[done.task] = sleeper._replace(phase=Phase.READY, page=-1)
        registers = vector.put(registers, sleeper.reg, done.result)
    for number, task in enumerate(tasks):
        if task.phase in _QUEUED:
            tasks[number] = task._replace(phase=_queued(base, number))
    waiting = tuple(number for number, task in enumerate(tasks) if task.phase in _QUEUED)
    spinning = tuple(
        n for n, task in enumerate(tasks) if task.phase is Phase.READY and task.atomic
    )
    return base._replace(
        tasks=tuple(tasks), registers=registers, waiting=waiting, spinning=spinning
    )


def _queued(base: State, number: int) -> Phase:
    """Whether a queued task has been woken and held back, which only the rules know."""
    return Phase.WOKEN if base.tasks[number].phase is Phase.WOKEN else Phase.BLOCKED


def _windows(before: State, seen: Observation) -> dict[int, int]:
    windows = before.windows.copy()
    for change in seen.windows:
        if change.pte:
            windows[change.index] = change.pte
        else:
            windows.pop(change.index, None)
    return windows


def state_as_seen(
    machine: Machine,
    before: State,
    op: Operation,
    seen: Observation,
    expected: tuple[Outcome, ...],
) -> State:
    """The state after *op* was seen to do *seen*.

    What no observation shows (contents of pages, open contexts) is that of the first of the
    *expected* outcomes of the rules; where there is none, it is that before the step.
    """
    base = expected[0].state if expected else before
    state = before
    acting = before.tasks[op.task]
    hidden = machine.layout.rt and (acting.atomic or acting.preempt != 0)
    for change in seen.slots:
        state = _slot(machine, state, change, hidden=hidden)
    base = base._replace(
        cursor=seen.cursor,
        zeros=state.zeros,
        ones=state.ones,
        slots=state.slots,
        where=state.where,
        windows=_windows(before, seen),
        lost="",
    )
    if not machine.local and seen.cpu < len(before.depths):
        depths = list(base.depths)
        depths[seen.cpu] = seen.depth
        base = base._replace(depths=tuple(depths))
    return _tasks(machine, before, base, op, seen)
