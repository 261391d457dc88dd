"""An interrupt, or a task of higher priority, in the middle of an operation.

Source: kmod/instant.c, kmod/interruption.c.

It maps pages on top of what it finds and takes them away again.  Where exactly it comes is not
known: before or after the depth has changed, so that its mapping has one of two addresses.
The operation itself must not notice (mm/highmem.c; arch/x86/mm/highmem_32.c to 5.10: what an
interrupt pushes it pops).
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from harness.model.records import vector
from harness.model.records.interrupt import (
    HARD,
    OWN,
    SOFT,
    Armed,
    InterruptContext,
    Trigger,
    armed_of,
)
from harness.model.records.machine import Machine
from harness.model.records.observation import UNCLAIMED, Interrupt, Status
from harness.model.records.operation import INTERRUPTIBLE, SWITCHES, OpCode, Operation, Prot
from harness.model.records.outcome import Outcome
from harness.model.records.state import State
from harness.model.rules.draft import Draft

_FIRST_BYTES = (0xFF, 0xFFFF, 0xFF_FFFF)
"""Parts of a word that are written before the rest."""


def arm(d: Draft, flush: Callable[[Draft], None]) -> list[Draft]:
    """INTERRUPT: nothing happens yet.  Where the function has fewer instructions it is refused.

    One interrupt is armed at a time, since there is one timer and one set of probes
    (kmod/instant.c): what another task has armed is forgotten.
    To place a probe the kernel may need a page for its instructions; the change of that page's
    attributes flushes unused pkmaps (kernel/kprobes.c ``alloc_insn_page``,
    arch/x86/mm/pat/set_memory.c): *flush* does that.
    """
    d.rule = f"interrupt.{InterruptContext(d.op.reg & 0xF).name.lower()}"
    d.flush_scans = UNCLAIMED
    d.state = _with_others_disarmed(d.state, d.op.task)
    flushed = d.fork()
    flush(flushed)
    flushed.flush_scans = UNCLAIMED
    return [*_armed(d), *(_armed(flushed) if d.state.ones else ())]


def _with_others_disarmed(state: State, own: int) -> State:
    for number, task in enumerate(state.tasks):
        if number != own and task.armed:
            state = _rearmed(state, number, None)
    return state


def _armed(d: Draft) -> list[Draft]:
    armed = d.fork()
    wanted = armed_of(d.op.page, d.op.reg, d.op.value)
    armed.task = d.task._replace(armed=wanted)
    d.task = d.task._replace(armed=None)
    if d.op.reg >> 4 < Trigger.MAP:
        return [armed]
    d.status = Status.REFUSED
    d.rule += ".no-instruction"
    return [armed, d]


def interrupted(
    machine: Machine, before: State, op: Operation, armed: Armed, outcomes: tuple[Outcome, ...]
) -> tuple[Outcome, ...]:
    """*outcomes* of an operation, with what the interrupt *armed* may be seen to do in it."""
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
        plain = outcome._replace(state=_rearmed(outcome.state, op.task, later))
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


def _rearmed(state: State, number: int, armed: Armed | None) -> State:
    return state.with_task(number, state.tasks[number]._replace(armed=armed))


class _Meeting(NamedTuple):
    """An operation in a state, and the interrupt that meets it."""

    machine: Machine
    before: State
    op: Operation
    armed: Armed


def _possible(met: _Meeting, after: State, cpu: int) -> list[tuple[Interrupt, ...]]:
    """The records that one interrupt may have left, each once."""
    records = {
        _records(met.machine, memory, met.armed, top, cpu)
        for top in _tops(met, after, cpu)
        for memory in _memories(met, after)
    }
    return sorted(records)


def _tops(met: _Meeting, after: State, cpu: int) -> Iterator[tuple[int, int]]:
    """(flags, depth) of the stack on top of which the interrupt may map.

    That is the stack of the task itself.  During a switch, in a tasklet that ksoftirqd runs and in
    a task of higher priority it is the stack of somebody who has mapped nothing.  The stack
    generation has one depth for a CPU.
    """
    where = met.armed.where
    flags = {InterruptContext.HARDIRQ: HARD, InterruptContext.SOFTIRQ: SOFT}.get(
        InterruptContext(where), 0
    )
    own = where != InterruptContext.TASK
    depths = tuple(_depths(met, after, cpu))
    for depth in depths:
        if own:
            yield flags | OWN, depth
    if not own or met.op.code in SWITCHES or where == InterruptContext.SOFTIRQ:
        for depth in (0,) if met.machine.local else depths:
            yield flags, depth


def _memories(met: _Meeting, after: State) -> Iterator[State]:
    """What the pages may hold then; a helper may have written a part of their first words."""
    yield from (met.before, after)
    if met.op.code != OpCode.HELPER:
        return
    for page in range(met.armed.page, met.armed.page + met.armed.levels):
        old, new = vector.get(met.before.memory, page), vector.get(after.memory, page)
        if old.get(0, 0) != new.get(0, 0):
            for mask in _FIRST_BYTES:
                word = new.get(0, 0) & mask | old.get(0, 0) & ~mask
                yield after.with_memory(page, {**new, 0: word})


def _depths(met: _Meeting, after: State, cpu: int) -> Iterator[int]:
    """Depths of the stack before, in and after the operation; a helper maps up to two pages."""
    if met.machine.local:
        first, last = met.before.tasks[met.op.task].depth, after.tasks[met.op.task].depth
    else:
        first, last = met.before.depths[cpu], after.depths[cpu]
    yield from (first, last)
    if met.op.code == OpCode.HELPER:
        yield from (first + met.machine.increment, first + 2 * met.machine.increment)


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
