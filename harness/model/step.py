"""The step: what a machine in a state may be seen to do with an operation, and where it goes."""

from collections.abc import Callable

from harness.model import access, context, local, pkmap, stack
from harness.model.draft import Draft
from harness.model.finish import finish, moved
from harness.model.layout import Generation
from harness.model.machine import UNBOUND, Machine
from harness.model.observation import Status
from harness.model.operation import Base, OpCode, Operation
from harness.model.outcome import Outcome
from harness.model.state import Phase, State

Rule = Callable[[Draft], list[Draft] | None]

_COMMON: dict[OpCode, Rule] = {
    OpCode.NOP: context.idle,
    OpCode.KMAP: pkmap.kmap,
    OpCode.KUNMAP: pkmap.kunmap,
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

RULES: dict[Generation, dict[OpCode, Rule]] = {
    Generation.LOCAL: {**_COMMON, **_LOCAL},
    Generation.STACK: {**_COMMON, **_STACK},
}

_NEEDS_PAGE = frozenset(
    {
        OpCode.KMAP, OpCode.KUNMAP, OpCode.KMAP_ATOMIC, OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN,
        OpCode.KMAP_LOCAL, OpCode.KMAP_LOCAL_PROT, OpCode.KMAP_LOCAL_PFN, OpCode.IOMAP, OpCode.PAGE_ADDRESS,
    }
)  # fmt: skip


def cpus(machine: Machine, state: State, number: int) -> tuple[int, ...]:
    """CPUs on which a task may be found now."""
    task = state.tasks[number]
    if task.migrate or task.atomic or task.phase is not Phase.READY:
        return (task.cpu,)
    if task.allowed != UNBOUND:
        return (task.allowed,)
    return tuple(range(machine.layout.online_cpus))


def refused(machine: Machine, state: State, op: Operation) -> Status:
    """OK, or why the module does not execute *op*."""
    code = op.code
    if code in machine.missing or code not in RULES[machine.layout.generation]:
        return Status.NOT_APPLICABLE
    if code in _NEEDS_PAGE and op.page >= len(machine.pages):
        return Status.REFUSED
    if op.base == Base.DIRECT and not _direct(machine, op) and code in _HAS_ADDRESS:
        return Status.REFUSED
    return Status.OK if state.tasks[op.task].phase is Phase.READY else Status.REFUSED


_HAS_ADDRESS = frozenset(
    {
        OpCode.KUNMAP_ATOMIC, OpCode.KUNMAP_LOCAL, OpCode.IOUNMAP, OpCode.READ, OpCode.WRITE,
        OpCode.KMAP_TO_PAGE, OpCode.SET_PTE, OpCode.INVLPG,
    }
)  # fmt: skip


def _direct(machine: Machine, op: Operation) -> bool:
    return op.page < len(machine.pages) and not machine.pages[op.page].highmem


def enter(d: Draft) -> None:
    """Switch to the acting task: the task that ran before left its window when it went to wait.

    One in an atomic section cannot wait: it keeps its CPU, and its window entries.
    """
    state = d.before
    if not d.machine.local or (state.current == d.task and not state.tampered):
        return
    if state.current >= 0:
        last = state.tasks[state.current]
        if last.depth and last.phase is Phase.READY and not last.atomic:
            local.switch_out(d, last)
    me = state.tasks[d.task]
    if me.depth and me.phase is Phase.READY:
        local.switch_in(d, me)


def _on_cpu(machine: Machine, state: State, op: Operation, cpu: int) -> list[Outcome]:
    d = Draft(machine, state, op, cpu)
    enter(d)
    drafts = RULES[machine.layout.generation][op.code](d)
    if drafts is None:
        if d.allowed not in (UNBOUND, cpu):
            return [finish(each) for each in moved(d)]
        return [finish(d)] if not d.lost else _lost(d)
    return [finish(each) for branch in drafts for each in moved(branch)]


def _lost(d: Draft) -> list[Outcome]:
    """Nothing is claimed about this step; after a panic or death the state says so."""
    return [finish(d)] if d.status is Status.DIED else []


def _rejected(machine: Machine, state: State, op: Operation, status: Status) -> tuple[Outcome, ...]:
    d = Draft(machine, state, op, state.tasks[op.task].cpu)
    d.status = status
    d.rule = "refused" if status is Status.REFUSED else "not-applicable"
    d.current = state.current
    return (finish(d),)


def step(machine: Machine, state: State, op: Operation) -> tuple[Outcome, ...]:
    """All allowed outcomes of *op*.

    Empty where the model claims nothing (``state.lost``, or an operation that depends on what
    a test has broken).  Two outcomes may be equal in what is seen.
    """
    if state.lost:
        return ()
    status = refused(machine, state, op)
    if status is not Status.OK:
        return _rejected(machine, state, op, status)
    outcomes: list[Outcome] = []
    for cpu in cpus(machine, state, op.task):
        outcomes += _on_cpu(machine, state, op, cpu)
    return tuple(outcomes)


def predict(machine: Machine, state: State, op: Operation) -> Outcome | None:
    """The outcome of *op* where there is exactly one, else None."""
    outcomes = step(machine, state, op)
    return outcomes[0] if len(outcomes) == 1 else None
