"""A plain step being made: what its rules read, and the outcome that they come to."""

from typing import NamedTuple

from harness.model.records import vector
from harness.model.records.layout import ADDRESS_MASK
from harness.model.records.machine import REGISTERS, Machine
from harness.model.records.observation import (
    Observation,
    SavedChange,
    SlotChange,
    Status,
    WindowChange,
)
from harness.model.records.operation import Base, Operation
from harness.model.records.outcome import Outcome
from harness.model.records.state import Slot, State, TaskState
from harness.model.records.vector import Vector
from harness.model.rules.draft import UNCLAIMED
from harness.model.rules.finish import PREEMPT_MASK, migrate_extra, preempt_extra

_OK = Status.OK
_REG = Base.REG

new = tuple.__new__
"""``new(Record, fields in order)``: what ``Record(...)`` does, in half the time."""


class Turn(NamedTuple):
    """One operation: ``before`` is the state before it, ``state`` that with ``task`` on its CPU.

    ``switched`` are the window entries that the switch to the task has touched, in order.
    """

    machine: Machine
    before: State
    state: State
    op: Operation
    task: TaskState
    switched: tuple[int, ...]


def address_of(t: Turn) -> int:
    """The address operand; 0 where it is no register, or is refused."""
    op = t.op
    if op.base != _REG or op.reg >= REGISTERS:
        return 0
    address = (vector.get(t.state.registers, op.reg) + op.offset) & ADDRESS_MASK
    return address if address >= t.machine.layout.page_offset else 0


def page_address_allowed(machine: Machine, task: TaskState) -> bool:
    """Whether page_address() may be called (``bookkeeping.py``): in a plain hardirq interrupts are off."""
    return not machine.layout.rt or not (task.irqs_off or task.preempt)


def page_address(machine: Machine, state: State, page: int) -> int:
    """``page_address`` of page id *page*."""
    return vector.get(state.where, page) or machine.direct[page]


def pte_at(machine: Machine, state: State, address: int) -> int:
    """PTE of *address* by page walk (``Draft.pte_at``), where that is plain: not in a window entry that is empty."""
    layout = machine.layout
    if layout.in_pkmap(address):
        return vector.get(state.slots, layout.pkmap_slot(address)).pte
    if not address:
        return 0
    index = layout.fixindex(address)
    return state.windows.get(index, 0 if index in machine.watched else UNCLAIMED)


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
    machine, page, local = t.machine, t.op.page, t.machine.local
    task = after.tasks[t.op.task]
    _, cpu, _, depth, _, preempt, pagefault, migrate, _, contexts, _, _, _, _ = task
    if not machine.layout.preempt_count:
        preempt = 0
    if contexts:
        preempt += preempt_extra(machine, contexts)
        migrate += migrate_extra(machine, contexts)
    asked = page < len(machine.pages) and page_address_allowed(machine, task)
    windows = _window_changes(t, after, entry) if entry >= 0 or t.switched else ()
    seen = new(Observation, (
        _OK,
        cpu,
        value,
        pte,
        page_address(machine, after, page) if asked else 0,
        after.cursor,
        len(after.waiting),
        preempt & PREEMPT_MASK,
        pagefault & 0xFFFF,
        migrate & 0xFFFF,
        depth if local else after.depths[cpu],
        0, 0, 0, 0, 0,
        1 if invlpg else 0,
        invlpg,
        0, 0,
        slots, windows, saved, (), (), (),
    ))  # fmt: skip
    slack = max(depth, t.task.depth) if local else 0
    return new(
        Outcome, (seen, _one_less(after, t.op.task) if contexts else after, rule, None, slack)
    )


def _window_changes(t: Turn, after: State, entry: int) -> tuple[WindowChange, ...]:
    """Fixmap entries that differ, in order: *entry*, and those of a switch."""
    old, now, watched = t.before.windows, after.windows, t.machine.watched
    if not t.switched:
        return (new(WindowChange, (entry, now.get(entry, 0))),) if entry in watched else ()
    touched = t.switched if entry < 0 or entry in t.switched else sorted((*t.switched, entry))
    return tuple([
        new(WindowChange, (index, pte or 0))
        for index, was, pte in zip(touched, map(old.get, touched), map(now.get, touched), strict=True)
        if was != pte and index in watched
    ])  # fmt: skip


def _one_less(state: State, number: int) -> State:
    """One operation of the open interrupt is done; after the last, interrupts are as they were before."""
    task = state.tasks[number]
    (context,) = task.contexts
    if context.remaining > 1:
        less = context._replace(remaining=context.remaining - 1)
        return with_task(state, number, task._replace(contexts=(less,)))
    return with_task(state, number, task._replace(contexts=(), irqs_off=context.irqs_off))


# The states below are what State._replace would make, in less than half its time.

Pkmap = tuple[int, int, int, Vector[Slot], Vector[int]]
"""The first fields of a state: cursor, zeros, ones, slots, where."""


def with_pkmap(state: State, pkmap: Pkmap, registers: Vector[int]) -> State:
    """*state* with *pkmap* and *registers*."""
    return new(State, (*pkmap, *state[5:9], registers, *state[10:]))


def with_current(state: State, number: int, windows: dict[int, int]) -> State:
    """*state* with task *number* on its CPU, and *windows*."""
    return new(State, (*state[:6], windows, *state[7:13], number, *state[14:]))


def with_memory(state: State, memory: Vector[dict[int, int]]) -> State:
    """*state* with *memory*."""
    return new(State, (*state[:10], memory, *state[11:]))


def with_task(state: State, number: int, task: TaskState) -> State:
    """*state* with task *number* changed, the only one that may keep a CPU (while it is atomic)."""
    tasks, spinning = vector.replaced(state.tasks, number, task), (number,) if task.atomic else ()
    return new(State, (*state[:7], tasks, *state[8:14], spinning, *state[15:]))


def with_windows(
    t: Turn,
    task: TaskState,
    windows: dict[int, int],
    depths: tuple[int, ...],
    registers: Vector[int],
) -> State:
    """The state with *task* as after ``with_task``, and with *windows*, *depths* and *registers*."""
    state, number = t.state, t.op.task
    tasks, spinning = vector.replaced(state.tasks, number, task), (number,) if task.atomic else ()
    return new(
        State,
        (*state[:6], windows, tasks, depths, registers, *state[10:14], spinning, *state[15:]),
    )


def map_lowmem(t: Turn, task: TaskState, rule: str) -> Outcome:
    """A page of the direct map: nothing is mapped, its address is stored; *task* is the task afterwards."""
    address = t.machine.direct[t.op.page]
    state = t.state
    registers = vector.put(state.registers, t.op.reg, address)
    after = with_windows(t, task, state.windows, state.depths, registers)
    return outcome(t, after, rule, value=address, pte=pte_at(t.machine, after, address))
