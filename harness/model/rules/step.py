"""The step: what a machine in a state may be seen to do with an operation, and where it goes."""

from collections.abc import Callable

from harness.model.records.layout import Generation
from harness.model.records.machine import UNBOUND, Machine
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.outcome import Outcome
from harness.model.records.state import Phase, State
from harness.model.rules import (
    access,
    armed_interrupt,
    context,
    local,
    outside,
    pkmap,
    release,
    stack,
    typed,
    typed_window,
)
from harness.model.rules.draft import Draft
from harness.model.rules.finish import finish
from harness.model.rules.refusal import not_started, refused
from harness.model.rules.wakeups import run_held

Rule = Callable[[Draft], list[Draft] | None]

_COMMON: dict[OpCode, Rule] = {
    OpCode.NOP: context.idle,
    OpCode.KMAP: pkmap.kmap,
    OpCode.KUNMAP: release.kunmap,
    OpCode.READ: access.access,
    OpCode.WRITE: access.access,
    OpCode.PAGE_ADDRESS: pkmap.page_address,
    OpCode.KMAP_TO_PAGE: access.kmap_to_page,
    OpCode.SET_PTE: access.set_pte,
    OpCode.FLUSH_UNUSED: pkmap.flush_unused,
    OpCode.INVLPG: access.invlpg,
    OpCode.IRQ_OFF: context.irq_off,
    OpCode.IRQ_ON: context.irq_on,
    OpCode.PREEMPT_OFF: context.preempt_off,
    OpCode.PREEMPT_ON: context.preempt_on,
    OpCode.SLEEP: context.sleep,
    OpCode.YIELD: context.schedule,
    OpCode.HARDIRQ: context.hardirq,
    OpCode.SOFTIRQ: context.softirq,
    OpCode.EXIT: context.leave,
    OpCode.MIGRATE: context.migrate,
    OpCode.TYPED_MAP: typed_window.kmap_atomic,
    OpCode.TYPED_UNMAP: typed_window.kunmap_atomic,
    OpCode.SIGNAL: context.signal,
    OpCode.INTERRUPT: armed_interrupt.arm,
    OpCode.AFFINITY: outside.affinity,
    OpCode.HOTPLUG: outside.hotplug,
    OpCode.AWAIT: outside.wait,
    OpCode.FORK: outside.fork,
    OpCode.USER: outside.user,
}

_LOCAL: dict[OpCode, Rule] = {
    OpCode.KMAP_ATOMIC: local.kmap_atomic,
    OpCode.KMAP_ATOMIC_PROT: local.kmap_atomic,
    OpCode.KMAP_ATOMIC_PFN: local.kmap_atomic_pfn,
    OpCode.KUNMAP_ATOMIC: local.kunmap_atomic,
    OpCode.KMAP_LOCAL: local.kmap_local,
    OpCode.KMAP_LOCAL_PROT: local.kmap_local,
    OpCode.KMAP_LOCAL_PFN: local.kmap_local_pfn,
    OpCode.KUNMAP_LOCAL: local.kunmap_local,
    OpCode.IOMAP: local.kmap_local_pfn,
    OpCode.IOUNMAP: local.kunmap_local,
}

_STACK: dict[OpCode, Rule] = {
    OpCode.KMAP_ATOMIC: stack.map_page,
    OpCode.KMAP_ATOMIC_PROT: stack.map_page,
    OpCode.KMAP_ATOMIC_PFN: stack.map_pfn,
    OpCode.KUNMAP_ATOMIC: stack.kunmap_atomic,
    OpCode.IOMAP: stack.map_pfn,
    OpCode.IOUNMAP: stack.iounmap_atomic,
}

_TYPED: dict[OpCode, Rule] = {
    OpCode.KMAP_ATOMIC: typed.kmap_atomic,
    OpCode.KMAP_ATOMIC_PROT: typed.kmap_atomic,
    OpCode.KMAP_ATOMIC_PFN: typed.kmap_atomic_pfn,
    OpCode.KUNMAP_ATOMIC: typed.kunmap_atomic,
}

RULES: dict[Generation, dict[OpCode, Rule]] = {
    Generation.TYPED: {**_COMMON, **_TYPED},
    Generation.LOCAL: {**_COMMON, **_LOCAL},
    Generation.STACK: {**_COMMON, **_STACK},
}


def cpus(machine: Machine, state: State, number: int) -> tuple[int, ...]:
    """CPUs on which a task that can run may be found now."""
    task = state.tasks[number]
    if task.going >= 0 and not task.migrate:
        return (task.cpu, task.going)
    if task.allowed != UNBOUND or task.migrate or task.atomic:
        return (task.cpu,)
    return tuple(range(machine.layout.online_cpus))


def enter(d: Draft) -> None:
    """Switch to the acting task: the task that ran before left its window when it went to wait.

    One in an atomic section cannot wait: it keeps its CPU, and its window entries.
    """
    leave(d)
    local.switch_in(d, d.before.tasks[d.task])


def leave(d: Draft) -> None:
    """The task that ran last is off its CPU."""
    state = d.before
    if state.current >= 0:
        last = state.tasks[state.current]
        if last.phase is Phase.READY and not last.atomic:
            local.switch_out(d, last)


def _close_contexts(state: State) -> State:
    """An interrupt ends early where the next operation is another task's."""
    number = state.current
    task = state.tasks[number]
    task = task._replace(contexts=(), irqs_off=task.contexts[0].irqs_off)
    spinning = (
        state.spinning
        if task.atomic
        else tuple(other for other in state.spinning if other != number)
    )
    tasks = (*state.tasks[:number], task, *state.tasks[number + 1 :])
    return state._replace(tasks=tasks, spinning=spinning)


def _on_cpu(machine: Machine, state: State, op: Operation, cpu: int) -> list[Outcome]:
    d = Draft(machine, state, op, cpu)
    if cpu == d.going and not d.migrate:
        d.allowed, d.going = cpu, -1
    if state.user:
        d.warn_once("return-to-user")
    if state.current != op.task:
        enter(d)
    rule = RULES[machine.layout.generation].get(op.code)
    if refused(machine, state, op):
        return [_rejected(d, Status.REFUSED)]
    if rule is None or op.code in machine.missing:
        return [_rejected(d, Status.NOT_APPLICABLE)]
    drafts = rule(d)
    if drafts is None:
        if d.lost and d.status is not Status.DIED:
            return []
        branches = run_held(d) if d.waiting else [d]
        drafts = [draft for branch in branches for draft in outside.arrive(branch)]
    return [finish(branch) for branch in drafts]


def _rejected(d: Draft, status: Status) -> Outcome:
    d.status = status
    d.rule = "refused" if status is Status.REFUSED else "not-applicable"
    return finish(d)


def _turned_away(machine: Machine, state: State, op: Operation) -> tuple[Outcome, ...]:
    """Nobody executes the operation: it is observed with the last task still there, or already at rest."""
    outcomes = []
    for rest in (False, True):
        d = Draft(machine, state, op, state.tasks[op.task].cpu)
        d.current = state.current
        if rest:
            leave(d)
            d.current = -1
        if not rest or d.touched_windows:
            outcomes.append(_rejected(d, Status.REFUSED))
    return tuple(outcomes)


def step(machine: Machine, state: State, op: Operation) -> tuple[Outcome, ...]:
    """All allowed outcomes of *op*.

    Empty where the model claims nothing (``state.lost``, or an operation that depends on what
    a test has broken).  Two outcomes may be equal in what is seen.
    """
    if state.lost or op.task >= len(state.tasks):
        return ()
    if state.current not in (op.task, -1) and state.tasks[state.current].contexts:
        state = _close_contexts(state)
    if not_started(state, op):
        return _turned_away(machine, state, op)
    outcomes: list[Outcome] = []
    for cpu in cpus(machine, state, op.task):
        outcomes += _on_cpu(machine, state, op, cpu)
    armed = state.tasks[op.task].armed
    if armed is None:
        return tuple(outcomes)
    return armed_interrupt.interrupted(machine, state, op, armed, tuple(outcomes))


def predict(machine: Machine, state: State, op: Operation) -> Outcome | None:
    """The outcome of *op* where there is exactly one, else None."""
    outcomes = step(machine, state, op)
    return outcomes[0] if len(outcomes) == 1 else None
