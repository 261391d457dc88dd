"""The state after a step as it was *seen*, whatever the rules would have made of it.

A comparison uses it to go on after a kernel has done something allowed that this model does
not do (another slot, another flush), without reading the guest again.
"""

from typing import NamedTuple

from harness.model.contract import users
from harness.model.records import vector
from harness.model.records.context_counts import migrate_extra, preempt_extra
from harness.model.records.machine import Machine
from harness.model.records.observation import ASLEEP, Observation, SlotChange, Status
from harness.model.records.operation import KERNEL_MAPS, WINDOW_MAPS, OpCode, Operation
from harness.model.records.outcome import Outcome
from harness.model.records.state import Context, Phase, State, TaskState

_QUEUED = (Phase.BLOCKED, Phase.WOKEN)


class _Seen(NamedTuple):
    """The slots of a step as it was seen; *hidden*: no page address was to be had."""

    machine: Machine
    before: State
    op: Operation
    seen: Observation
    hidden: bool

    def count(self, change: SlotChange) -> int:
        """The meaning of ``pkmap_count``: 0 for a slot without PTE, else one more than its users.

        The users of our pages are known from the operations.  Of another's page only the count can
        tell; where there is none, it is in use.  What a test sets by hand keeps its count.
        """
        held = vector.get(self.before.slots, change.slot)
        known = change.count if change.count >= 0 else held.count
        if self.op.code == OpCode.SET_PTE or self.before.tampered or not change.pte:
            return known if change.pte or change.count >= 0 else 0
        page = self.machine.page_of(change.pte)
        if page is None or not self.machine.pages[page].highmem:
            return change.count if change.count >= 0 else held.count if held.pte else 2
        own = self.machine.layout.pkmap_address(change.slot)
        if not self.hidden and change.address not in (0, own):
            return 1
        after = users.users_after(self.machine, self.before, self.op, self.seen, page)
        return max(after, 0) + 1

    def with_change(self, state: State, change: SlotChange) -> State:
        """*state* with one slot as it was seen to change."""
        layout, pages = self.machine.layout, self.machine.pages
        own, count = layout.pkmap_address(change.slot), self.count(change)
        untold = self.hidden or (change.address and not layout.in_pkmap(change.address))
        address = (own if count else 0) if untold else change.address
        old = self.machine.page_of(vector.get(state.slots, change.slot).pte)
        new = self.machine.page_of(change.pte)
        after = state.with_slot(change.slot, count, change.pte)
        if old is not None and vector.get(after.where, old) == own:
            after = after.with_where(old, 0 if change.pte else address)
        if new is not None and pages[new].highmem:
            after = after.with_where(new, address)
        return after

    def slots(self) -> State:
        """The state before, with slots and users as they are now."""
        state = self.before
        for change in self.seen.slots:
            state = self.with_change(state, change)
        if self.before.tampered or self.op.code == OpCode.SET_PTE:
            return state
        for page in users.pages_concerned(self.machine, self.before, self.op, self.seen):
            address = vector.get(state.where, page)
            number = self.machine.layout.pkmap_slot(address) if address else -1
            held = vector.get(state.slots, number) if address else None
            if held is None or self.machine.page_of(held.pte) != page:
                continue
            after = users.users_after(self.machine, self.before, self.op, self.seen, page)
            if held.count != max(after, 0) + 1:
                state = state.with_slot(number, max(after, 0) + 1, held.pte)
        return state


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


def _mapped(
    machine: Machine, before: TaskState, op: Operation, seen: Observation
) -> tuple[int, ...]:
    """The mappings on the task's stack: all that it was asked to map and not to unmap.

    Where, when and whether the kernel saves that for a switch is not asked.
    """
    saved = list(before.saved)
    mapped = seen.status is Status.OK and op.code in WINDOW_MAPS and seen.depth > before.depth
    if mapped and 0 < seen.depth <= len(saved):
        saved[seen.depth - 1] = machine.window_pte(op)
    for entry in range(min(max(seen.depth, 0), len(saved)), len(saved)):
        saved[entry] = 0
    return tuple(saved)


def _acting(
    machine: Machine,
    base: TaskState,
    op: Operation,
    seen: Observation,
    contexts: tuple[Context, ...],
) -> TaskState:
    """The acting task; *contexts* are those in which it was observed."""
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
    mapped = _mapped(machine, acting, op, seen)
    task = base.tasks[op.task]._replace(phase=acting.phase, saved=mapped)
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
    """Tell whether a queued task has been woken and held back, which only the rules know."""
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
    acting = before.tasks[op.task]
    hidden = machine.layout.rt and (acting.atomic or acting.preempt != 0)
    state = _Seen(machine, before, op, seen, hidden).slots()
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
