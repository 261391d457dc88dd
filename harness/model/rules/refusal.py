"""Operations that the module refuses: wrong use, and what would hang the guest.

Source: kmod/ops.c, kmod/step.c.
"""

from harness.model.records.attribute import ATTRIBUTES
from harness.model.records.errand import NOWHERE, errand_target
from harness.model.records.interrupt import (
    DELAY_MOST_NS,
    LEVELS_MOST,
    InterruptContext,
    Trigger,
    armed_of,
)
from harness.model.records.km_type import known_type
from harness.model.records.layout import PAGE_SHIFT, UNBOUND
from harness.model.records.machine import HELD, REGISTERS, Machine
from harness.model.records.operation import (
    ERRANDS,
    KERNEL_MAPS,
    NEVER_ATOMIC,
    NO_PAGE,
    OUTSIDE,
    TYPED_OPERATIONS,
    Base,
    OpCode,
    Operation,
    OperationFlag,
    Prot,
    operations_with,
)
from harness.model.records.state import Phase, State, TaskState
from harness.model.records.workload import WORKLOADS
from harness.model.rules.helper_pages import senseless_call

_REG, _DIRECT, _ABSOLUTE = Base.REG, Base.DIRECT, Base.ABSOLUTE
_SET_PTE, _READY = OpCode.SET_PTE, Phase.READY

_NEEDS_PAGE = operations_with(OperationFlag.NEEDS_PAGE)
_NEEDS_REGISTER = operations_with(OperationFlag.NEEDS_REGISTER)
_HAS_ADDRESS = operations_with(OperationFlag.HAS_ADDRESS)
_ANY_ADDRESS = operations_with(OperationFlag.ANY_ADDRESS)
_TASK_CONTEXT = operations_with(OperationFlag.TASK_CONTEXT)
_INTERRUPTS_ON = operations_with(OperationFlag.INTERRUPTS_ON)
_WAITS_FOR_CPUS = operations_with(OperationFlag.WAITS_FOR_CPUS)
_NEEDS_ALL_CPUS = operations_with(OperationFlag.NEEDS_ALL_CPUS)


def spinners(state: State, number: int) -> tuple[TaskState, ...]:
    """Other tasks that keep their CPU, since they are in an atomic section."""
    return tuple(state.tasks[other] for other in state.spinning if other != number)


def not_started(state: State, op: Operation) -> bool:
    """Tell whether nobody can execute *op*: its task is asleep or gone, or its CPU is taken."""
    task = state.tasks[op.task]
    if task.phase is not _READY:
        return True
    return bool(state.spinning) and any(
        task.allowed == UNBOUND or other.cpu == task.cpu for other in spinners(state, op.task)
    )


def refused(machine: Machine, state: State, op: Operation) -> bool:
    """Tell whether the task itself turns *op* down."""
    task = state.tasks[op.task]
    code = op.code
    return (
        _in_this_context(task, code)
        or (code == OpCode.SOFTIRQ and machine.layout.rt and task.preempt > 0)
        or (code in KERNEL_MAPS and task.preempt >= HELD)
        or (code in _WAITS_FOR_CPUS and _beside_spinner(state, op))
        or (code == OpCode.SIGNAL and _nobody(state, op.value))
        or senseless(machine, state, op)
    )


def senseless(machine: Machine, state: State, op: Operation) -> bool:
    """Tell whether *op* names a page, register, type or address that it cannot use."""
    code = op.code
    return (
        (code in _NEEDS_PAGE and op.page >= len(machine.pages))
        or (code in _NEEDS_REGISTER and op.reg >= REGISTERS)
        or (code in TYPED_OPERATIONS and not known_type(op.value))
        or (code in _HAS_ADDRESS and _bad_address(machine, state, op))
        or (code == OpCode.INTERRUPT and _senseless_interrupt(machine, op))
        or (code in OUTSIDE and _senseless_outside(machine, state, op))
        or (code == OpCode.HELPER and senseless_call(machine, op))
        or (code == OpCode.WORKLOAD and op.reg not in WORKLOADS)
        or (code == OpCode.ATTRIBUTE and _senseless_attribute(machine, op))
        or (code == OpCode.KMAP_LOCAL_FOLIO and _behind_folio(machine, op))
    )


def _senseless_attribute(machine: Machine, op: Operation) -> bool:
    """Tell whether the page cannot get it: only the direct map knows how a page is cached."""
    cached = op.prot is not Prot.RO
    return op.prot not in ATTRIBUTES or (cached and machine.pages[op.page].highmem)


def _behind_folio(machine: Machine, op: Operation) -> bool:
    return op.value >> PAGE_SHIFT >= len(machine.folio(op.page))


def _nobody(state: State, number: int) -> bool:
    return number >= len(state.tasks) or state.tasks[number].phase is Phase.DEAD


def _in_this_context(task: TaskState, code: OpCode) -> bool:
    if task.contexts and code in _TASK_CONTEXT:
        return True
    if code in NEVER_ATOMIC:
        return task.atomic
    return task.irqs_off and code in _INTERRUPTS_ON


def _beside_spinner(state: State, op: Operation) -> bool:
    """Tell whether a task that spins elsewhere would make *op* wait for ever.

    With interrupts off its CPU answers no flush; CPU 0 watches for tasks that sleep.
    """
    return bool(state.spinning) and any(
        other.irqs_off or other.cpu == 0 or op.code in _NEEDS_ALL_CPUS
        for other in spinners(state, op.task)
    )


def _bad_address(machine: Machine, state: State, op: Operation) -> bool:
    """Tell whether the address operand names nothing, or an address the module does not touch.

    An unmap only compares its address with the windows: it may be one of user space, if the
    program gives it as a number and not by an empty register.
    """
    pages = len(machine.pages)
    if op.code == _SET_PTE and op.page != NO_PAGE and op.page >= pages:
        return True
    if op.base == _REG and op.reg >= REGISTERS:
        return True
    if op.base == _DIRECT and (op.page >= pages or machine.pages[op.page].highmem):
        return True
    address, layout = machine.operand_address(op, state.registers), machine.layout
    named = op.base == _ABSOLUTE and op.code in _ANY_ADDRESS
    return not named and address < (
        layout.pkmap_base if op.code == _SET_PTE else layout.page_offset
    )


def _senseless_interrupt(machine: Machine, op: Operation) -> bool:
    """Tell whether an INTERRUPT has no such trigger, pages, CPU or delay."""
    want = armed_of(op.page, op.reg, op.value)
    return (
        want.trigger > max(Trigger)
        or want.where > max(InterruptContext)
        or not 0 < want.levels <= LEVELS_MOST
        or op.page + want.levels > len(machine.pages)
        or (want.trigger == Trigger.IPI and machine.layout.online_cpus == 1)
        or op.offset < (1 if want.trigger < Trigger.MAP else 0)
        or (want.trigger < Trigger.MAP and op.offset > DELAY_MOST_NS)
    )


def _senseless_outside(machine: Machine, state: State, op: Operation) -> bool:
    """Tell whether there is no such task or CPU, or another errand has not ended."""
    cpus = machine.layout.online_cpus
    if op.code in ERRANDS and state.errand and hindered(state):
        return True
    if op.code == OpCode.AFFINITY:
        number, cpu = errand_target(op)
        return (
            number >= len(state.tasks)
            or number == op.task
            or number in state.spinning
            or state.tasks[number].phase is Phase.DEAD
            or cpu >= cpus
            or cpu == state.offline
        )
    if op.code == OpCode.HOTPLUG:
        cpu, online = op.value & 0xFF, bool(op.value >> 8)
        return not 0 < cpu < cpus or (state.offline != cpu if online else state.offline != NOWHERE)
    return op.code == OpCode.AWAIT and (not state.errand or hindered(state))


def hindered(state: State) -> bool:
    """Tell whether a mapping stands in the way of the errand that was last begun."""
    code, which = state.errand
    if code == OpCode.AFFINITY:
        return state.tasks[which].pinned
    return which == state.offline and any(
        task.pinned and task.cpu == which for task in state.tasks
    )
