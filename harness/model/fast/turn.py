"""The input of the rules of the fast path, and the outcome that they make."""

from collections.abc import Callable
from typing import NamedTuple

from harness.model.records import vector
from harness.model.records.context_counts import PREEMPT_MASK, migrate_extra, preempt_extra
from harness.model.records.machine import HELD, REGISTERS, Machine
from harness.model.records.observation import (
    UNCLAIMED,
    Observation,
    SavedChange,
    SlotChange,
    Status,
    WindowChange,
)
from harness.model.records.operation import Base, Operation
from harness.model.records.outcome import Outcome
from harness.model.records.state import State, TaskState, new

_OK = Status.OK
_REG = Base.REG


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


PlainRule = Callable[[Turn], Outcome | None]
"""The answer of the fast path for an operation; None leaves it to ``step``."""


def address_of(t: Turn) -> int:
    """The address operand; 0 where it is no register, or is refused."""
    op = t.op
    if op.base != _REG or op.reg >= REGISTERS:
        return 0
    address = t.machine.operand_address(op, t.state.registers)
    return address if address >= t.machine.layout.page_offset else 0


def page_address(machine: Machine, state: State, page: int) -> int:
    """``page_address`` of page id *page*."""
    return vector.get(state.where, page) or machine.direct[page]


def pte_at(machine: Machine, state: State, address: int) -> int:
    """PTE of *address* by page walk (``Draft.pte_at``); UNCLAIMED where it is not known."""
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

    *invlpg* is the address flushed on this CPU (0: none), *entry* the window entry that changed.
    """
    machine, layout, page = t.machine, t.machine.layout, t.op.page
    task = after.tasks[t.op.task]
    _, cpu, _, depth, _, preempt, pagefault, migrate, _, contexts, _, _, _, _ = task
    if not layout.preempt_count:
        preempt = 0
    if contexts:
        preempt += preempt_extra(contexts, rt=layout.rt)
        migrate += migrate_extra(contexts, rt=layout.rt)
    asked = page < len(machine.pages) and (not layout.rt or task.may_lock_on_rt)
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
        depth if machine.local else after.depths[cpu],
        0, 0, 0, 0, 0,
        1 if invlpg else 0,
        invlpg,
        0, 0, 0, 0, 0,
        slots, windows, saved, (), (), (), (),
    ))  # fmt: skip
    before = t.task.depth
    slack = (depth if depth > before else before) if machine.local else 0
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
        for index in touched
        if (pte := now.get(index)) != old.get(index) and index in watched
    ])  # fmt: skip


def _one_less(state: State, number: int) -> State:
    """One operation of the open interrupt is done; after the last one the interrupt ends."""
    task = state.tasks[number]
    (context,) = task.contexts
    if context.remaining > 1:
        less = context._replace(remaining=context.remaining - 1)
        task = task.with_contexts((less,), irqs_off=task.irqs_off)
    else:
        task = task.with_contexts((), irqs_off=context.irqs_off)
    return state.alone_with_task(number, task)


def map_lowmem(t: Turn, task: TaskState, rule: str) -> Outcome:
    """A lowmem page needs no mapping: its address is stored; *task* is the task afterwards."""
    address = t.machine.direct[t.op.page]
    state = t.state
    registers = vector.put(state.registers, t.op.reg, address)
    after = state.alone_with_mapping(t.op.task, task, state.windows, state.depths, registers)
    return outcome(t, after, rule, value=address, pte=pte_at(t.machine, after, address))


def mappable(t: Turn) -> bool:
    """Tell whether the module lets the operation map."""
    return t.op.page < len(t.machine.pages) and t.op.reg < REGISTERS and t.task.preempt < HELD


def filled(t: Turn, index: int, pte: int, task: TaskState, depths: tuple[int, ...]) -> State:
    """The state in which *pte* is in the free entry *index*, with *task* and *depths*."""
    state = t.state
    registers = vector.put(state.registers, t.op.reg, t.machine.layout.fixaddr(index))
    windows = {**state.windows, index: pte}
    return state.alone_with_mapping(t.op.task, task, windows, depths, registers)


def cleared(t: Turn, index: int, task: TaskState, depths: tuple[int, ...]) -> State:
    """The state without entry *index*, with *task* and *depths*."""
    windows = t.state.windows.copy()
    del windows[index]
    return t.state.alone_with_mapping(t.op.task, task, windows, depths, t.state.registers)


def mapped(
    t: Turn, after: State, index: int, rule: str, saved: tuple[SavedChange, ...] = ()
) -> Outcome:
    """Entry *index* maps the page; its address is returned."""
    address = t.machine.layout.fixaddr(index)
    return outcome(
        t, after, rule, value=address, pte=after.windows[index], entry=index, saved=saved
    )
