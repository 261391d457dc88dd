"""A plain step being made: what its rules read, and the outcome that they come to."""

from typing import NamedTuple

from harness.model import vector
from harness.model.draft import PAGE_MASK, UNCLAIMED
from harness.model.finish import PREEMPT_MASK, migrate_extra, preempt_extra
from harness.model.layout import ADDRESS_MASK
from harness.model.machine import REGISTERS, Machine
from harness.model.observation import Observation, SavedChange, SlotChange, Status, WindowChange
from harness.model.operation import Base, Operation
from harness.model.outcome import Outcome
from harness.model.state import State, TaskState

_OK = Status.OK
_REG = Base.REG


class Turn(NamedTuple):
    """One operation: ``before`` is the state before it, ``state`` that with ``task`` on its CPU."""

    machine: Machine
    before: State
    state: State
    op: Operation
    task: TaskState


def address_of(t: Turn) -> int:
    """The address operand; 0 where it is no register, or is refused."""
    op = t.op
    if op.base != _REG or op.reg >= REGISTERS:
        return 0
    address = (vector.get(t.state.registers, op.reg) + op.offset) & ADDRESS_MASK
    return address if address >= t.machine.layout.page_offset else 0


def page_address_allowed(machine: Machine, task: TaskState) -> bool:
    """Whether page_address() may be called (``bookkeeping.page_address_allowed``)."""
    if not machine.layout.rt:
        return True
    return not (task.irqs_off or task.preempt or any(context.hard for context in task.contexts))


def page_address(machine: Machine, state: State, page: int) -> int:
    """``page_address`` of page id *page*."""
    return vector.get(state.where, page) or machine.direct[page]


def pte_at(machine: Machine, state: State, address: int) -> int:
    """PTE of *address* by page walk (``Draft.pte_at``)."""
    layout = machine.layout
    if layout.in_pkmap(address):
        return vector.get(state.slots, layout.pkmap_slot(address)).pte
    if not address:
        return 0
    index = layout.fixindex(address)
    if machine.window_low <= address & PAGE_MASK <= machine.window_high or index in machine.watched:
        return state.windows.get(index, 0)
    return state.windows.get(index, UNCLAIMED)


def outcome(
    t: Turn,
    after: State,
    rule: str,
    *,
    value: int = 0,
    pte: int = 0,
    invlpg: int = 0,
    slots: tuple[SlotChange, ...] = (),
    entry: int = -1,
    saved: tuple[SavedChange, ...] = (),
) -> Outcome:
    """The outcome that leads to *after*: it ended well, flushed all CPUs of nothing, woke nobody.

    *invlpg* is the address flushed on this CPU (0: none), *entry* the window entry changed, if any.
    """
    machine, op = t.machine, t.op
    task = after.tasks[op.task]
    preempt, migrate = task.preempt if machine.layout.preempt_count else 0, task.migrate
    if task.contexts:
        preempt += preempt_extra(machine, task.contexts)
        migrate += migrate_extra(machine, task.contexts)
    asked = op.page < len(machine.pages) and page_address_allowed(machine, task)
    seen = Observation(
        _OK,
        task.cpu,
        value,
        pte,
        page_address(machine, after, op.page) if asked else 0,
        after.cursor,
        len(after.waiting),
        preempt & PREEMPT_MASK,
        task.pagefault & 0xFFFF,
        migrate & 0xFFFF,
        task.depth if machine.local else after.depths[task.cpu],
        0, 0, 0, 0, 0,
        1 if invlpg else 0,
        invlpg,
        0, 0,
        slots,
        _window_changes(t, after, entry),
        saved,
    )  # fmt: skip
    slack = max(task.depth, t.task.depth) if machine.local else 0
    return Outcome(seen, _one_less(after, op.task) if task.contexts else after, rule, None, slack)


def _window_changes(t: Turn, after: State, entry: int) -> tuple[WindowChange, ...]:
    """Fixmap entries that differ, in order: *entry*, and those of a switch."""
    old, new, watched = t.before.windows, after.windows, t.machine.watched
    if old is t.state.windows:
        return (WindowChange(entry, new.get(entry, 0)),) if entry in watched else ()
    changed = sorted(dict(old.items() ^ new.items()))
    return tuple([WindowChange(index, new.get(index, 0)) for index in changed if index in watched])


def _one_less(state: State, number: int) -> State:
    """One operation of the open interrupt is done; after the last, interrupts are as they were before."""
    task = state.tasks[number]
    context = task.contexts[-1]
    if context.remaining > 1:
        contexts = (*task.contexts[:-1], context._replace(remaining=context.remaining - 1))
        return with_task(state, number, task._replace(contexts=contexts))
    return with_task(state, number, task._replace(contexts=task.contexts[:-1], irqs_off=context.irqs_off))


def with_task(state: State, number: int, task: TaskState, **others: object) -> State:
    """*state* with task *number* changed, the only one that may keep a CPU (while it is atomic), and *others*."""
    tasks = vector.replaced(state.tasks, number, task)
    return state._replace(tasks=tasks, spinning=(number,) if task.atomic else (), **others)  # type: ignore[arg-type] # keywords are fields of State


def map_lowmem(t: Turn, task: TaskState, rule: str) -> Outcome:
    """A page of the direct map: nothing is mapped, its address is stored; *task* is the task afterwards."""
    address = t.machine.direct[t.op.page]
    registers = vector.put(t.state.registers, t.op.reg, address)
    after = with_task(t.state, t.op.task, task, registers=registers)
    return outcome(t, after, rule, value=address, pte=pte_at(t.machine, after, address))
