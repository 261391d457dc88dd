"""An interrupt, or a task of higher priority, in the middle of an operation (kmod/instant.c, interruption.c).

It maps pages on top of what it finds and takes them away again.  Where exactly it comes is not
known: before or after the depth has changed, so that a mapping that it makes has one of two addresses.
The operation itself must not notice (mm/highmem.c; arch/x86/mm/highmem_32.c to 5.10: what an
interrupt pushes it pops).
"""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from harness.model.records import vector
from harness.model.records.machine import Machine
from harness.model.records.observation import Interrupt, Status
from harness.model.records.operation import OpCode, Operation, Prot
from harness.model.records.outcome import Outcome
from harness.model.records.state import Armed, State
from harness.model.rules import pkmap
from harness.model.rules.draft import UNCLAIMED, Draft

HARD, SOFT, OWN, IN_USE = 1, 2, 4, 8
"""``KMH_INTERRUPT_*``."""

LEVELS_MOST = 8
DELAY_MOST_NS = 1_000_000


class Where(IntEnum):
    """In what context it maps (``enum kmh_context``)."""

    HARDIRQ = 0
    SOFTIRQ = 1
    TASK = 2


class Trigger(IntEnum):
    """What brings it about (``enum kmh_trigger``); from MAP on functions, at an offset of an instruction."""

    TIMER = 0
    IPI = 1
    MAP = 2
    UNMAP = 3
    FLUSH = 4
    SWITCH_OUT = 5
    SWITCH_IN = 6
    KMAP = 7
    KUNMAP = 8
    FLUSH_UNUSED = 9


_SWITCHES = frozenset({OpCode.SLEEP, OpCode.YIELD})
INTERRUPTIBLE = frozenset(code for code in OpCode if code <= OpCode.WRITE) | _SWITCHES
"""Operations in which the module lets an interrupt come; it drops one that is due in another."""


def armed_of(op: Operation) -> Armed:
    """What an INTERRUPT operation asks for."""
    return Armed(op.reg & 0xF, op.reg >> 4, op.page, op.value & 0xFF, op.value >> 8 & 0xFF)


def senseless(machine: Machine, op: Operation) -> bool:
    """Whether the module turns an INTERRUPT down: no such trigger, pages, CPU or delay."""
    want = armed_of(op)
    return (
        want.trigger > max(Trigger)
        or want.where > max(Where)
        or not 0 < want.levels <= LEVELS_MOST
        or op.page + want.levels > len(machine.pages)
        or (want.trigger == Trigger.IPI and machine.layout.online_cpus == 1)
        or op.offset < (1 if want.trigger < Trigger.MAP else 0)
        or (want.trigger < Trigger.MAP and op.offset > DELAY_MOST_NS)
    )


def arm(d: Draft) -> list[Draft]:
    """INTERRUPT: nothing happens yet.  Where no instruction begins at the offset it is refused.

    To place a probe the kernel may need a page for its instructions; the change of that page's attributes
    flushes unused pkmaps (kernel/kprobes.c ``alloc_insn_page``, arch/x86/mm/pat/set_memory.c).
    """
    d.rule = f"interrupt.{Where(d.op.reg & 0xF).name.lower()}"
    d.flush_scans = UNCLAIMED
    flushed = d.fork()
    pkmap.flush_all_zero(flushed)
    flushed.flush_scans = UNCLAIMED
    return [*_armed(d), *(_armed(flushed) if d.ones else ())]


def _armed(d: Draft) -> list[Draft]:
    armed = d.fork()
    armed.armed = armed_of(d.op)
    d.armed = None
    if d.op.reg >> 4 < Trigger.MAP:
        return [armed]
    d.status = Status.REFUSED
    d.rule += ".no-instruction"
    return [armed, d]


def interrupted(
    machine: Machine, before: State, op: Operation, armed: Armed, outcomes: tuple[Outcome, ...]
) -> tuple[Outcome, ...]:
    """*outcomes* of an operation of a task that has an interrupt due (*armed*), with what that may be seen to do."""
    task = before.tasks[op.task]
    if op.code == OpCode.INTERRUPT or task.contexts:
        return outcomes
    later = armed._replace(skip=armed.skip - 1) if armed.skip else None
    met = _Meeting(machine, before, op, armed)
    found: list[Outcome] = []
    for outcome in outcomes:
        seen = outcome.observation
        if seen.status in (Status.REFUSED, Status.NOT_APPLICABLE):
            found.append(outcome)
            continue
        plain = outcome._replace(state=_with(outcome.state, op.task, later))
        comes = not armed.skip and op.code in INTERRUPTIBLE and seen.status is not Status.BLOCKED
        if not comes or task.irqs_off or seen.status is Status.DIED:
            found.append(plain)
            continue
        if armed.trigger >= Trigger.MAP:
            found.append(plain)
        found += [
            plain._replace(observation=seen._replace(interrupts=records))
            for records in _possible(met, plain.state, seen.cpu)
        ]
    return tuple(found)


class _Meeting(NamedTuple):
    """An operation in a state, and the interrupt that meets it."""

    machine: Machine
    before: State
    op: Operation
    armed: Armed


def _with(state: State, number: int, armed: Armed | None) -> State:
    task = state.tasks[number]._replace(armed=armed)
    return state._replace(tasks=(*state.tasks[:number], task, *state.tasks[number + 1 :]))


def _possible(met: _Meeting, after: State, cpu: int) -> list[tuple[Interrupt, ...]]:
    """What one interrupt may have recorded, each once."""
    records = {
        _records(met.machine, memory, met.armed, top, cpu)
        for top in _tops(met, after, cpu)
        for memory in (met.before, after)
    }
    return sorted(records)


def _tops(met: _Meeting, after: State, cpu: int) -> Iterator[tuple[int, int]]:
    """(flags, depth) of what it may come on top of.

    Of the task itself; a switch, a tasklet that ksoftirqd runs and a task of higher priority come on top of
    somebody who has mapped nothing.  The stack generation has one depth for a CPU.
    """
    where = met.armed.where
    flags = {Where.HARDIRQ: HARD, Where.SOFTIRQ: SOFT}.get(Where(where), 0)
    own = where != Where.TASK
    if met.machine.local:
        depths = (met.before.tasks[met.op.task].depth, after.tasks[met.op.task].depth)
    else:
        depths = (met.before.depths[cpu], after.depths[cpu])
    for depth in depths:
        if own:
            yield flags | OWN, depth
    if not own or met.op.code in _SWITCHES or where == Where.SOFTIRQ:
        for depth in (0,) if met.machine.local else depths:
            yield flags, depth


def _records(
    machine: Machine, state: State, armed: Armed, top: tuple[int, int], cpu: int
) -> tuple[Interrupt, ...]:
    layout, records = machine.layout, []
    flags, depth = top
    for level in range(armed.levels):
        entry = depth + level * machine.increment
        last = entry + machine.increment
        if last >= layout.window:
            break
        page = armed.page + level
        address = layout.fixaddr(layout.window_index(cpu, last - 1))
        word = vector.get(state.memory, page).get(0, 0)
        records.append(Interrupt(flags, entry, address, machine.pte(page, Prot.KERNEL), word))
    return (*records, Interrupt(flags, depth, 0, 0, 0))
