"""Which rule branches a machine can take at all, found on small machines of the same kind.

Where ``explore`` follows correct use and checks every step, this walks through whatever
operations a module would execute, rightly used or not, and only notes the branches.  Each
walk has an alphabet of its own, so that it stays small: pkmap, many waiters, the windows,
contexts, loads and PTEs set by hand, the typed window.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from harness.model.records import vector
from harness.model.records.attribute import ATTRIBUTES
from harness.model.records.interrupt import InterruptContext, Trigger
from harness.model.records.layout import PAGE_SIZE, UNBOUND, Generation, Layout
from harness.model.records.machine import Machine
from harness.model.records.operation import (
    ACCESSES,
    NO_PAGE,
    OPENS_CONTEXT,
    OPERATIONS,
    PFN_MAPS,
    WINDOW_MAPS,
    WINDOW_UNMAPS,
    WITH_PROT,
    Base,
    OpCode,
    Operation,
)
from harness.model.records.page import Page, PageKind
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import State
from harness.model.records.workload import WORKLOADS, workload_operation
from harness.model.rules.step import RULES, step
from harness.model.search.helper_calls import helper_calls

NOT_RULES = ("refused", "not-applicable")
"""Branches in which the module refuses an operation: they say nothing about a kernel."""

WINDOW = 3
WINDOW_DEBUG = 5
"""Entries of a CPU's window here: two mappings deep, with guards or without."""

_REGISTERS = 4

_ACCESSES = tuple(code for code in OPERATIONS if code in ACCESSES)
_OPENS_CONTEXT = tuple(code for code in OPERATIONS if code in OPENS_CONTEXT)
"""In the order of the table: walks, and the listings of them, try operations in that order."""


class Walk(NamedTuple):
    """One walk: the machine, the operations tried in every state, the most states to visit."""

    name: str
    machine: Machine
    alphabet: tuple[Operation, ...]
    states: int


def reachable(machine: Machine) -> frozenset[str]:
    """Rule branches that a kernel like *machine*'s can take, whatever its size."""
    rules = frozenset().union(*(taken(walk) for walk in walks(machine)))
    return frozenset(rule for rule in rules if not rule.endswith(NOT_RULES))


def taken(walk: Walk) -> set[str]:
    """Rule branches met in one walk."""
    start = initial(walk.machine, empty_snapshot(walk.machine))
    seen, queue, rules = {_key(start)}, deque([start]), set()
    while queue:
        state = queue.popleft()
        for op in walk.alphabet:
            for outcome in step(walk.machine, state, op):
                rules.add(outcome.rule)
                name = _key(outcome.state)
                if not outcome.state.lost and name not in seen and len(seen) < walk.states:
                    seen.add(name)
                    queue.append(outcome.state)
    return rules


def _key(state: State) -> tuple[object, ...]:
    """The part of a state that rules depend on; of registers the few in use, of memory nothing."""
    return (
        state.cursor,
        tuple(vector.items(state.slots)),
        tuple(sorted(state.windows.items())),
        state.tasks,
        state.depths,
        tuple(vector.get(state.registers, number) for number in range(_REGISTERS)),
        tuple(sorted(state.stale)),
        state.warned,
        state.current,
        state.locked,
        state.tampered,
        state.errand,
        state.offline,
        state.user,
    )


def walks(machine: Machine) -> Iterator[Walk]:
    """The walks for a kernel like *machine*'s."""
    pages = _like(machine, slots=2, tasks=(0, 1), high=3, low=1)
    yield Walk("pkmap", pages, tuple(_pkmap((0, 1), range(4))), 1500)
    crowd = _like(machine, slots=1, tasks=(0, 0, 1, 1), high=3, low=0)
    yield Walk("waiters", crowd, tuple(_pairs((0, 1, 2, 3), range(3))), 3000)
    held = _like(machine, slots=1, tasks=(1, 1, 0, 1), high=3, low=0)
    yield Walk("held back", held, tuple(_held_back()), 3000)
    alone = _like(machine, slots=2, tasks=(0,), high=1, low=1)
    yield Walk("windows", alone, tuple(_windows(alone)), 1500)
    both = _like(machine, slots=2, tasks=(0, UNBOUND), high=1, low=1)
    yield Walk("contexts", both, tuple(_contexts(both)), 1500)
    yield Walk("access", alone, tuple(_access(alone)), 1500)
    yield Walk("instants", alone, tuple(_instants(alone)), 200)
    outside = _like(machine, slots=2, tasks=(1, 0), high=1, low=1)
    yield Walk("outside", outside, tuple(_outside(outside)), 600)
    yield Walk("workloads", alone, tuple(workload_operation(kind, 0) for kind in WORKLOADS), 10)
    yield Walk("attributes", alone, tuple(_attributes()), 10)
    if machine.layout.helpers:
        copied = _like(machine, slots=2, tasks=(0,), high=2, low=1)
        calls = helper_calls(machine.layout.helpers, (0, 1), 2)
        yield Walk("helpers", copied, (*_plain(copied), *calls), 200)
    if machine.layout.typed_count:
        yield Walk("typed window", both, tuple(_typed(both)), 300)


def _like(machine: Machine, *, slots: int, tasks: tuple[int, ...], high: int, low: int) -> Machine:
    """A small machine with the flags of *machine*."""
    layout = machine.layout
    window = WINDOW_DEBUG if layout.debug_kmap_local else WINDOW
    cpus = min(layout.online_cpus, 2)
    tasks = tuple(cpu if cpu == UNBOUND else min(cpu, cpus - 1) for cpu in tasks)
    pages = tuple(Page(0x9000 + 3 * n, PageKind.HIGH, n) for n in range(high))
    pages += tuple(Page(0x1000 + n, PageKind.LOW, 255) for n in range(low))
    end = layout.fix_kmap_begin + window * layout.nr_cpus - 1
    small = layout._replace(last_pkmap=slots, window=window, fix_kmap_end=end, online_cpus=cpus)
    return machine.with_layout(small).with_tasks(tasks).with_pages(pages)


def _pairs(tasks: Iterable[int], pages: Iterable[int]) -> Iterator[Operation]:
    for task in tasks:
        for page in pages:
            yield Operation(OpCode.KMAP, task, page)
            yield Operation(OpCode.KUNMAP, task, page)


def _held_back() -> Iterator[Operation]:
    """One of four tasks has the slot and keeps the CPU of two that wait; one is elsewhere."""
    yield from _pairs((0,), (0,))
    yield from _pairs((2,), (1, 2))
    yield from (Operation(OpCode.KMAP, task, page) for task, page in ((1, 1), (3, 1), (3, 2)))
    yield from (Operation(code) for code in (OpCode.PREEMPT_OFF, OpCode.PREEMPT_ON))
    yield from (Operation(OpCode.SIGNAL, 0, value=task) for task in (1, 2))


def _pkmap(tasks: Iterable[int], pages: Iterable[int]) -> Iterator[Operation]:
    yield from _pairs(tasks, pages)
    yield Operation(OpCode.FLUSH_UNUSED)
    yield from (Operation(OpCode.PAGE_ADDRESS, page=page) for page in (0, 3))
    yield Operation(OpCode.KMAP_TO_PAGE, base=Base.PKMAP, reg=1)


def _maps(machine: Machine) -> tuple[OpCode, ...]:
    """Mapping operations, one of each rule; types of the typed generation are values."""
    known = RULES[machine.layout.generation]
    maps = WINDOW_MAPS - (WITH_PROT - PFN_MAPS)
    return tuple(code for code in known if code in maps and code not in machine.missing)


def _unmaps(machine: Machine) -> tuple[OpCode, ...]:
    return tuple(code for code in RULES[machine.layout.generation] if code in WINDOW_UNMAPS)


def _kinds(machine: Machine) -> tuple[int, ...]:
    return (0, 1) if machine.layout.generation is Generation.TYPED else (0,)


def _windows(machine: Machine) -> Iterator[Operation]:
    """Maps into registers 1 and 2, unmaps of either in any order and of other addresses."""
    layout = machine.layout
    for kind in _kinds(machine):
        for code in _maps(machine):
            for page in range(2):
                yield from (Operation(code, 0, page, reg, value=kind) for reg in (1, 2))
        for code in _unmaps(machine):
            yield from (Operation(code, reg=reg, value=kind) for reg in (1, 2))
            yield from _elsewhere(layout, code, kind)
    first = layout.fix_kmap_begin + int(layout.debug_kmap_local)  # behind its guard
    yield Operation(OpCode.SET_PTE, page=0, base=Base.FIXMAP, reg=first)


def _elsewhere(layout: Layout, code: OpCode, kind: int) -> Iterator[Operation]:
    """Unmaps of addresses that no register holds: lowmem, free entries, user space."""
    yield Operation(code, base=Base.DIRECT, page=1, value=kind)
    yield Operation(code, base=Base.FIXMAP, reg=layout.fix_kmap_begin, value=kind)
    yield Operation(code, base=Base.FIXMAP, reg=layout.fix_kmap_begin - 1, value=kind)
    if layout.generation is Generation.LOCAL and code is not OpCode.IOUNMAP:
        yield Operation(code, base=Base.ABSOLUTE, offset=PAGE_SIZE)


def _contexts(machine: Machine) -> Iterator[Operation]:
    """A mapping, and everything a task does beside mapping; another task on any CPU."""
    yield from _plain(machine)
    for task in (0, 1):
        yield Operation(OpCode.SLEEP, task, value=1000)
        yield Operation(OpCode.YIELD, task)
        yield from (
            Operation(OpCode.MIGRATE, task, value=cpu) for cpu in range(machine.layout.online_cpus)
        )
    yield from (Operation(code, value=1) for code in _OPENS_CONTEXT)
    for code in (
        OpCode.IRQ_OFF,
        OpCode.IRQ_ON,
        OpCode.PREEMPT_OFF,
        OpCode.PREEMPT_ON,
        OpCode.EXIT,
        OpCode.NOP,
    ):
        yield Operation(code)
    yield Operation(OpCode.PAGE_ADDRESS, page=0)


def _instants(machine: Machine) -> Iterator[Operation]:
    """Interrupts in every context, by a timer and at an instruction; operations to meet them."""
    yield from _plain(machine)
    for where in InterruptContext:
        for trigger in (Trigger.TIMER, Trigger.UNMAP):
            yield Operation(
                OpCode.INTERRUPT, page=0, reg=where | trigger << 4, offset=1000, value=1
            )


def _attributes() -> Iterator[Operation]:
    """Each attribute, of a highmem page (0) and of a lowmem page (1)."""
    return (
        Operation(OpCode.ATTRIBUTE, page=page, prot=prot)
        for page in (0, 1)
        for prot in sorted(ATTRIBUTES)
    )


def _outside(machine: Machine) -> Iterator[Operation]:
    """A task with or without a mapping; another sends it away or takes its CPU; children."""
    for code, undo in zip(_maps(machine)[2:3], _unmaps(machine)[1:2], strict=False):
        yield Operation(code, 0, 0, 1)
        yield Operation(undo, reg=1)
    yield Operation(OpCode.SLEEP, value=1000)
    yield Operation(OpCode.FORK)
    yield Operation(OpCode.USER, 1, 0)
    yield from (Operation(OpCode.AFFINITY, 1, value=cpu << 8) for cpu in (0, 1))
    yield from (Operation(OpCode.HOTPLUG, 1, value=value) for value in (1, 257))
    yield Operation(OpCode.AWAIT, 1)


def _plain(machine: Machine) -> Iterator[Operation]:
    """One window mapping by each kind of operation, and its unmapping."""
    for code, undo in zip(_maps(machine)[::2], _unmaps(machine), strict=False):
        yield Operation(code, 0, 0, 1)
        yield Operation(undo, reg=1)


def _typed(machine: Machine) -> Iterator[Operation]:
    """The module's typed window: a type rightly and wrongly used, by a task on each CPU."""
    cpus = range(machine.layout.online_cpus)
    for task in cpus:
        for page in range(2):
            yield Operation(OpCode.TYPED_MAP, task, page, 1)
        yield from (Operation(OpCode.TYPED_UNMAP, task, reg=1, value=kind) for kind in (0, 1))
        yield Operation(OpCode.READ, task, reg=1)


def _access(machine: Machine) -> Iterator[Operation]:
    """Loads, stores, kmap_to_page, INVLPG and PTEs by hand, through mappings of every kind."""
    yield Operation(OpCode.KMAP, 0, 0, 3)
    yield Operation(OpCode.KUNMAP, 0, 0)
    yield from (Operation(code, 0, 0, reg) for code in _maps(machine)[:1] for reg in (1, 2))
    yield from (Operation(code, reg=reg) for code in _unmaps(machine)[:1] for reg in (1, 2))
    for reg in (1, 2, 3):
        yield from (Operation(code, reg=reg) for code in _ACCESSES)
    yield from (Operation(code, base=Base.DIRECT, page=1) for code in _ACCESSES)
    yield Operation(OpCode.INVLPG, reg=1)
    yield Operation(OpCode.SET_PTE, page=NO_PAGE, reg=1)
    yield Operation(OpCode.SET_PTE, page=0, reg=3)
