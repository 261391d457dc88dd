"""What the module does not execute: wrong use, and what would hang the guest (kmod/ops.c, kmod/step.c)."""

from harness.model.records import vector
from harness.model.records.km_type import known_type
from harness.model.records.layout import ADDRESS_MASK
from harness.model.records.machine import HELD, REGISTERS, UNBOUND, Machine
from harness.model.records.operation import NO_PAGE, Base, OpCode, Operation
from harness.model.records.state import Phase, State, TaskState
from harness.model.rules import outside
from harness.model.rules.armed_interrupt import senseless as senseless_instant

MAPS = frozenset(
    {
        OpCode.KMAP, OpCode.KMAP_ATOMIC, OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN, OpCode.KMAP_LOCAL,
        OpCode.KMAP_LOCAL_PROT, OpCode.KMAP_LOCAL_PFN, OpCode.IOMAP,
    }
)  # fmt: skip
_TYPED = frozenset({OpCode.TYPED_MAP, OpCode.TYPED_UNMAP})
_SETS_REGISTER = MAPS | _TYPED
_NEEDS_PAGE = MAPS | {OpCode.KUNMAP, OpCode.PAGE_ADDRESS, OpCode.TYPED_MAP}
HAS_ADDRESS = frozenset(
    {
        OpCode.KUNMAP_ATOMIC, OpCode.KUNMAP_LOCAL, OpCode.IOUNMAP, OpCode.READ, OpCode.WRITE,
        OpCode.KMAP_TO_PAGE, OpCode.SET_PTE, OpCode.INVLPG, OpCode.TYPED_UNMAP,
    }
)  # fmt: skip
_COMPARES = frozenset({OpCode.KUNMAP_ATOMIC, OpCode.KUNMAP_LOCAL})
"""An unmap compares its address with the windows and follows it nowhere: one of user space will do if it is named."""

_TASK_CONTEXT = frozenset(
    {
        OpCode.KMAP, OpCode.KUNMAP, OpCode.IRQ_OFF, OpCode.IRQ_ON, OpCode.PREEMPT_OFF, OpCode.PREEMPT_ON,
        OpCode.HARDIRQ, OpCode.SOFTIRQ, OpCode.SIGNAL,
    }
)  # fmt: skip
"""Not in an interrupt; nor are those of _NEVER_ATOMIC, since a task in an interrupt is atomic."""

_OUTSIDE = frozenset({OpCode.AFFINITY, OpCode.HOTPLUG, OpCode.AWAIT, OpCode.FORK, OpCode.USER})
_EVERYWHERE = frozenset({OpCode.MIGRATE, OpCode.AFFINITY, OpCode.HOTPLUG})
_NEVER_ATOMIC = frozenset(
    {
        OpCode.FLUSH_UNUSED,
        OpCode.SLEEP,
        OpCode.YIELD,
        OpCode.EXIT,
        OpCode.MIGRATE,
        OpCode.INTERRUPT,
        *_OUTSIDE,
    }
)
_INTERRUPTS_ON = frozenset({OpCode.KMAP, OpCode.HARDIRQ, OpCode.SOFTIRQ})
_WAITS = frozenset({OpCode.KMAP, OpCode.EXIT, OpCode.FLUSH_UNUSED, *_EVERYWHERE})


def spinners(state: State, number: int) -> tuple[TaskState, ...]:
    """Other tasks that keep their CPU, since they are in an atomic section."""
    return tuple(state.tasks[other] for other in state.spinning if other != number)


def not_started(state: State, op: Operation) -> bool:
    """Whether nobody can execute *op*: its task is asleep or gone, or its CPU is taken."""
    task = state.tasks[op.task]
    if task.phase is not Phase.READY:
        return True
    return bool(state.spinning) and any(
        task.allowed == UNBOUND or other.cpu == task.cpu for other in spinners(state, op.task)
    )


def refused(machine: Machine, state: State, op: Operation) -> bool:
    """Whether the task itself turns *op* down."""
    task = state.tasks[op.task]
    code = op.code
    return (
        _in_this_context(task, code)
        or (code == OpCode.SOFTIRQ and machine.layout.rt and task.preempt > 0)
        or (code in MAPS and task.preempt >= HELD)
        or (code in _WAITS and _beside_spinner(state, op))
        or (code == OpCode.SIGNAL and _nobody(state, op.value))
        or senseless(machine, state, op)
    )


def senseless(machine: Machine, state: State, op: Operation) -> bool:
    """Whether *op* names a page, register, type or address that is not there, or not for it to touch."""
    code = op.code
    return (
        (code in _NEEDS_PAGE and op.page >= len(machine.pages))
        or (code in _SETS_REGISTER and op.reg >= REGISTERS)
        or (code in _TYPED and not known_type(op.value))
        or (code in HAS_ADDRESS and _bad_address(machine, state, op))
        or (code == OpCode.INTERRUPT and senseless_instant(machine, op))
        or (code in _OUTSIDE and outside.senseless(machine, state, op))
    )


def _nobody(state: State, number: int) -> bool:
    return number >= len(state.tasks) or state.tasks[number].phase is Phase.DEAD


def _in_this_context(task: TaskState, code: OpCode) -> bool:
    if task.contexts and code in _TASK_CONTEXT:
        return True
    if code in _NEVER_ATOMIC:
        return task.atomic
    return task.irqs_off and code in _INTERRUPTS_ON


def _beside_spinner(state: State, op: Operation) -> bool:
    """With interrupts off over there nobody answers a flush; CPU 0 watches for tasks that sleep."""
    return bool(state.spinning) and any(
        other.irqs_off or other.cpu == 0 or op.code in _EVERYWHERE
        for other in spinners(state, op.task)
    )


def _bad_address(machine: Machine, state: State, op: Operation) -> bool:
    if op.code == OpCode.SET_PTE and op.page != NO_PAGE and op.page >= len(machine.pages):
        return True
    layout = machine.layout
    if op.base == Base.REG:
        if op.reg >= REGISTERS:
            return True
        start = vector.get(state.registers, op.reg)
    elif op.base == Base.DIRECT:
        if op.page >= len(machine.pages) or machine.pages[op.page].highmem:
            return True
        start = machine.direct[op.page]
    elif op.base == Base.ABSOLUTE:
        start = 0
    else:
        start = layout.fixaddr(op.reg) if op.base == Base.FIXMAP else layout.pkmap_address(op.reg)
    address = (start + op.offset) & ADDRESS_MASK
    named = op.base == Base.ABSOLUTE and op.code in _COMPARES
    return not named and address < (
        layout.pkmap_base if op.code == OpCode.SET_PTE else layout.page_offset
    )
