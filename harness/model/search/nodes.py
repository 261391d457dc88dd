"""Nodes of an exploration: a state and what its tasks hold, and what they may do next.

Tasks on one CPU and pages of one kind are interchangeable: ``key`` is the same for nodes that
differ only in their names.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from harness.model.records import vector
from harness.model.records.machine import Machine
from harness.model.records.operation import (
    OPERATIONS,
    WINDOW_MAPS,
    WINDOW_UNMAPS,
    Base,
    OpCode,
    Operation,
)
from harness.model.records.outcome import Outcome
from harness.model.records.state import Phase, State, TaskState
from harness.model.rules.refusal import not_started, spinners


class Held(NamedTuple):
    """A window mapping: its operation, its ``km_type``, whether it took a slot."""

    code: OpCode
    slot: bool
    kind: int


class Holding(NamedTuple):
    """The mappings that a task has not undone: kmaps by page, and windows, newest last."""

    kmaps: tuple[int, ...] = ()
    stack: tuple[Held, ...] = ()


class Node(NamedTuple):
    """A state and what the tasks hold in it."""

    state: State
    holdings: tuple[Holding, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """How far to go: kmaps per task and page, window mappings per task, states in all.

    ``types``: members of ``enum km_type`` that a task of the typed generation uses at a time.
    ``sections``: tasks turn preemption off and on, and kunmap in between.
    ``also``: operations that every task tries in every state, misuse for instance.
    """

    kmaps: int = 2
    depth: int = 2
    types: int = 1
    states: int = 200_000
    maps: tuple[OpCode, ...] = ()
    others: tuple[OpCode, ...] = (OpCode.FLUSH_UNUSED,)
    sections: bool = False
    also: tuple[Operation, ...] = ()


USUAL_LIMITS = Limits()


def register_of(task: int, depth: int) -> int:
    """Each task's window mappings have registers of their own; kmaps share one nobody reads."""
    return 1 + task * 64 + depth


def _unmap_of(code: OpCode) -> OpCode:
    unmap = OPERATIONS[code].unmap
    assert unmap is not None
    return unmap


def operations(machine: Machine, node: Node, limits: Limits) -> Iterator[Operation]:
    """The next operations of the tasks: correct use within the limits, and what these add."""
    for number, (task, holding) in enumerate(zip(node.state.tasks, node.holdings, strict=True)):
        if task.phase is Phase.READY and not (limits.sections and _no_cpu(node.state, number)):
            yield from _sections(number, task, limits)
            yield from _persistent(machine, number, task, holding, limits)
            yield from _windows(machine, number, holding, limits)
            yield from (Operation(code, number, value=1) for code in limits.others)
            yield from (op._replace(task=number) for op in limits.also)


def _no_cpu(state: State, number: int) -> bool:
    """Tell whether another task keeps its CPU, or CPU 0, which watches for tasks that sleep."""
    return not_started(state, Operation(OpCode.NOP, number)) or any(
        other.cpu == 0 for other in spinners(state, number)
    )


def _sections(number: int, task: TaskState, limits: Limits) -> Iterator[Operation]:
    if limits.sections:
        yield Operation(OpCode.PREEMPT_ON if task.preempt else OpCode.PREEMPT_OFF, number)


def _persistent(
    machine: Machine, number: int, task: TaskState, holding: Holding, limits: Limits
) -> Iterator[Operation]:
    if task.atomic and not limits.sections:
        return
    for page in range(len(machine.pages)):
        held = holding.kmaps.count(page)
        if held < limits.kmaps and not task.atomic:
            yield Operation(OpCode.KMAP, number, page)
        if held:
            yield Operation(OpCode.KUNMAP, number, page)


def _windows(
    machine: Machine, number: int, holding: Holding, limits: Limits
) -> Iterator[Operation]:
    depth = len(holding.stack)
    if depth < limits.depth:
        for code in limits.maps:
            for page in range(len(machine.pages)):
                for kind in _free_types(holding, limits):
                    yield Operation(code, number, page, register_of(number, depth), value=kind)
    if depth:
        top = holding.stack[-1]
        yield Operation(
            _unmap_of(top.code), number, reg=register_of(number, depth - 1), value=top.kind
        )


def _free_types(holding: Holding, limits: Limits) -> Iterator[int]:
    """Types that the task does not use; the generations that have none use 0 again and again."""
    used = {held.kind for held in holding.stack} if limits.types > 1 else set()
    yield from (kind for kind in range(limits.types) if kind not in used)


def _kmapped(holding: Holding, page: int) -> Holding:
    return holding._replace(kmaps=(*holding.kmaps, page))


def _after(holding: Holding, op: Operation, *, undo: bool, slot: bool) -> Holding:
    if op.code == OpCode.KMAP:
        return _kmapped(holding, op.page)
    if op.code == OpCode.KUNMAP:
        kmaps = list(holding.kmaps)
        kmaps.remove(op.page)
        return holding._replace(kmaps=tuple(kmaps))
    if undo:
        return holding._replace(stack=holding.stack[:-1])
    if op.code not in WINDOW_MAPS:
        return holding
    return holding._replace(stack=(*holding.stack, Held(op.code, slot, op.value)))


def follow(node: Node, op: Operation, outcome: Outcome) -> Node:
    """The node that *outcome* leads to; a kmap that sleeps is held when it ends."""
    holdings = list(node.holdings)
    seen = outcome.observation
    if not seen.status:
        undo = op.code in WINDOW_UNMAPS and op.base == Base.REG
        # A switch shows in windows too: in the local generation only the depth tells.
        before, after = node.state.tasks[op.task], outcome.state.tasks[op.task]
        slot = after.depth != before.depth if after.saved else bool(seen.windows)
        holdings[op.task] = _after(holdings[op.task], op, undo=undo, slot=slot)
    for done in seen.done:
        holdings[done.task] = _kmapped(holdings[done.task], node.state.tasks[done.task].page)
    return Node(outcome.state, tuple(holdings))


def key(machine: Machine, node: Node) -> tuple[object, ...]:
    """The same for nodes that differ only in the names of highmem pages and of tasks on a CPU."""
    names = _page_names(machine, node)
    tasks = sorted(_task_key(machine, node, number, names) for number in range(len(node.holdings)))
    state = node.state
    slots = tuple((slot.count, names[slot.pte]) for slot in vector.items(state.slots))
    windows = tuple(sorted((index, names[pte]) for index, pte in state.windows.items()))
    current = _task_key(machine, node, state.current, names) if state.current >= 0 else ()
    return (
        state.cursor, slots, windows, tuple(tasks), state.depths, current, state.unflushed
    )  # fmt: skip


def _page_names(machine: Machine, node: Node) -> dict[int, int]:
    """Names of PTEs: highmem pages by where they first appear, lowmem pages by number."""
    low = (number for number, page in enumerate(machine.pages) if not page.highmem)
    names = {0: 0, **{machine.ptes[number]: -1 - number for number in low}}
    for pte in _ptes(machine, node):
        names.setdefault(pte, len(names))
    return names


def _ptes(machine: Machine, node: Node) -> Iterator[int]:
    """PTEs of all pages that the state or a holding names, what all tasks share first."""
    yield from (slot.pte for slot in vector.items(node.state.slots))
    yield from (pte for _, pte in sorted(node.state.windows.items()))
    for task, holding in zip(node.state.tasks, node.holdings, strict=True):
        wanted = (task.page,) if task.page >= 0 else ()
        yield from (machine.ptes[page] for page in (*wanted, *holding.kmaps))
        yield from task.saved


def _task_key(
    machine: Machine, node: Node, number: int, names: dict[int, int]
) -> tuple[object, ...]:
    task, holding = node.state.tasks[number], node.holdings[number]
    page = names[machine.ptes[task.page]] if task.page >= 0 else 0
    kmaps = tuple(sorted(names[machine.ptes[held]] for held in holding.kmaps))
    saved = tuple(names[pte] for pte in task.saved)
    return (
        task.cpu, int(task.phase), page, task.depth, saved, task.preempt, task.pagefault,
        task.migrate, task.irqs_off, task.contexts, kmaps,
        tuple((int(code), slot, kind) for code, slot, kind in holding.stack),
    )  # fmt: skip
