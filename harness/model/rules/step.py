"""The step: what a machine in a state may be seen to do with an operation, and where it goes."""

from collections.abc import Callable

from harness.model.records.layout import UNBOUND, Generation
from harness.model.records.machine import Machine
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.outcome import Outcome
from harness.model.records.state import Phase, State
from harness.model.rules import (
    access,
    armed_interrupt,
    attributes,
    context,
    local,
    outside,
    page_helper,
    pkmap,
    stack,
    switch,
    typed,
    typed_window,
    workload_stages,
)
from harness.model.rules.draft import Draft
from harness.model.rules.finish import finish
from harness.model.rules.leftovers import leftovers
from harness.model.rules.refusal import not_started, refused

Rule = Callable[[Draft], list[Draft] | None]


def _arm(d: Draft) -> list[Draft]:
    """INTERRUPT, with the flush that placing its probe may need."""
    return armed_interrupt.arm(d, pkmap.flush_all_zero)


def _attribute(d: Draft) -> None:
    """ATTRIBUTE: each change flushes the unused pkmaps before (``kmap_flush_unused``)."""
    if d.state.locked:
        d.lost = pkmap.LOST_LOCK
        return
    pkmap.flush_all_zero(d)
    attributes.attribute(d)


_LOCALLY = page_helper.Mapper(local.kmap_local, local.unmap)
_LOCALLY_ATOMIC = page_helper.Mapper(local.kmap_atomic, local.unmap_atomic)
_ON_THE_STACK = page_helper.Mapper(stack.map_page, stack.unmap)


def _local_helper(d: Draft) -> None:
    mapper = _LOCALLY if d.machine.layout.helpers_local else _LOCALLY_ATOMIC
    page_helper.call_helper(d, mapper)


def _stack_helper(d: Draft) -> None:
    page_helper.call_helper(d, _ON_THE_STACK)


_COMMON: dict[OpCode, Rule] = {
    OpCode.NOP: context.idle,
    OpCode.KMAP: pkmap.kmap,
    OpCode.KUNMAP: pkmap.kunmap,
    OpCode.READ: access.access,
    OpCode.WRITE: access.access,
    OpCode.PAGE_ADDRESS: access.page_address,
    OpCode.KMAP_TO_PAGE: access.kmap_to_page,
    OpCode.SET_PTE: access.set_pte,
    OpCode.FLUSH_UNUSED: pkmap.flush_unused,
    OpCode.INVLPG: access.invlpg,
    OpCode.IRQ_OFF: context.irq_off,
    OpCode.IRQ_ON: context.irq_on,
    OpCode.PREEMPT_OFF: context.preempt_off,
    OpCode.PREEMPT_ON: context.preempt_on,
    OpCode.SLEEP: switch.sleep,
    OpCode.YIELD: switch.give_way,
    OpCode.HARDIRQ: context.hardirq,
    OpCode.SOFTIRQ: context.softirq,
    OpCode.EXIT: context.leave,
    OpCode.MIGRATE: context.migrate,
    OpCode.TYPED_MAP: typed_window.kmap_atomic,
    OpCode.TYPED_UNMAP: typed_window.kunmap_atomic,
    OpCode.SIGNAL: context.signal,
    OpCode.INTERRUPT: _arm,
    OpCode.AFFINITY: outside.affinity,
    OpCode.HOTPLUG: outside.hotplug,
    OpCode.AWAIT: outside.wait,
    OpCode.FORK: outside.fork,
    OpCode.USER: outside.user,
    OpCode.ATTRIBUTE: _attribute,
    OpCode.WORKLOAD: workload_stages.workload,
}

_LOCAL: dict[OpCode, Rule] = {
    OpCode.KMAP_ATOMIC: local.kmap_atomic,
    OpCode.KMAP_ATOMIC_PROT: local.kmap_atomic,
    OpCode.KMAP_ATOMIC_PFN: local.kmap_atomic_pfn,
    OpCode.KUNMAP_ATOMIC: local.kunmap_atomic,
    OpCode.KMAP_LOCAL: local.kmap_local,
    OpCode.KMAP_LOCAL_PROT: local.kmap_local,
    OpCode.KMAP_LOCAL_PFN: local.kmap_local_pfn,
    OpCode.KMAP_LOCAL_FOLIO: local.kmap_local_folio,
    OpCode.KUNMAP_LOCAL: local.kunmap_local,
    OpCode.HELPER: _local_helper,
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
    OpCode.HELPER: _stack_helper,
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


def _close_contexts(state: State) -> State:
    """An interrupt ends early where the next operation is another task's."""
    number = state.current
    task = state.tasks[number]
    task = task.with_contexts((), irqs_off=task.contexts[0].irqs_off)
    spinning = state.spinning
    if not task.atomic:
        spinning = tuple(other for other in spinning if other != number)
    return state.with_task(number, task)._replace(spinning=spinning)


def _on_cpu(machine: Machine, state: State, op: Operation, cpu: int) -> list[Outcome]:
    d = Draft(machine, state, op, cpu)
    if cpu == d.task.going and not d.task.migrate:
        d.task = d.task._replace(allowed=cpu, going=-1)
    if state.user:
        d.warn_once("return-to-user")
    if state.current != op.task:
        switch.enter(d)
    rule = RULES[machine.layout.generation].get(op.code)
    if refused(machine, state, op):
        return [_rejected(d, Status.REFUSED)]
    if rule is None or machine.lacks(op):
        return [_rejected(d, Status.NOT_APPLICABLE)]
    drafts = rule(d)
    if drafts is None:
        if d.lost and d.status is not Status.DIED:
            return []
        if not d.state.waiting and d.task.going < 0:
            return [_closed(d)]
        branches = pkmap.run_held(d) if d.state.waiting else [d]
        drafts = [draft for branch in branches for draft in outside.arrive(branch)]
    return [_closed(branch) for branch in drafts]


def _closed(d: Draft) -> Outcome:
    """The outcome of a rule; a task that now sleeps or is dead has left its CPU."""
    if d.task.phase is not Phase.READY and d.before.tasks[d.number].phase is Phase.READY:
        switch.leave_for_good(d)
    return finish(d, leftovers(d))


def _rejected(d: Draft, status: Status) -> Outcome:
    d.status = status
    d.rule = "refused" if status is Status.REFUSED else "not-applicable"
    return finish(d, leftovers(d))


def _turned_away(machine: Machine, state: State, op: Operation) -> tuple[Outcome, ...]:
    """Nobody executes the operation.

    It is observed while the task that ran last is still on its CPU, or after it has left.
    """
    outcomes = []
    for rest in (False, True):
        d = Draft(machine, state, op, state.tasks[op.task].cpu)
        d.state = d.state._replace(current=state.current)
        if rest:
            switch.leave(d)
            d.state = d.state._replace(current=-1)
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
