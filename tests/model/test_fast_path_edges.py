"""The fast path beside the full step at the ends of every area: windows, pkmap, direct map, the
typed window.
"""

from itertools import product
from pathlib import Path
from random import Random

import pytest

from harness.model.records import vector
from harness.model.records.km_type import TYPE_NR, typed_entry
from harness.model.records.operation import OpCode, Operation
from harness.model.records.page import Page, PageKind
from harness.model.records.snapshots import empty_snapshot, initial, with_foreign_slot
from harness.model.records.state import Context, Phase
from harness.model.rules.step import step
from tests.model.kinds import LAYOUTS, of_kind
from tests.model.test_fast_path import MAPS, UNMAPS, asked, mapped, odd_task, operation


def crowded(kind, task):
    """A machine with no window but of CPUs in use, and pages at the ends of the direct map;
    *task* has mapped all.
    """
    layout = LAYOUTS[kind]
    cpus, count = layout.online_cpus, sum(TYPE_NR) * layout.online_cpus
    end = layout.fix_kmap_begin + layout.window * cpus - 1
    page_frames = (0x8000, 0x9003, 0x9006, 0x7FFF, 0)
    frames = zip(page_frames, (PageKind.HIGH,) * 3 + (PageKind.LOW,) * 2, strict=True)
    laid = layout._replace(nr_cpus=cpus, fix_kmap_end=end, typed_count=count)
    machine = (
        of_kind(kind)
        .with_layout(laid)
        .with_pages(tuple(Page(pfn, kind, 0) for pfn, kind in frames))
    )
    state = initial(machine, empty_snapshot(machine))
    ops = [Operation(OpCode.KMAP, 0, page) for page in range(3)]
    typed = product((0, 2), (0, 12, 0x100, 0x112))
    ops += [Operation(OpCode.TYPED_MAP, other, 1, 9, value=value) for other, value in typed]
    deep = [
        Operation(OpCode.KMAP_ATOMIC, task, 1, 2 + depth, value=depth)
        for depth in range(layout.window)
    ]
    ops += deep[: layout.window - 1 if machine.local else layout.window]
    for op in ops:
        outcomes = step(machine, state, op)
        good = [one.state for one in outcomes if not one.observation.status]
        state = good[0] if good else state
    return machine, state


def edges(machine):
    """Addresses at the ends of all areas."""
    layout = machine.layout
    typed = layout.typed_top - (layout.typed_count << 12)
    return (
        0, layout.page_offset, layout.high_memory, layout.pkmap_base,
        layout.pkmap_address(layout.last_pkmap),
        machine.window_low, machine.window_high + 0x1000, typed + 0x1000,
        layout.typed_top + 0x1000,
        *(layout.fixaddr(layout.window_index(cpu, 0)) for cpu in range(layout.online_cpus)),
        *(layout.fixaddr(typed_entry(value, 0, layout.online_cpus))
          for value in (0, 12, 0x100, 0x112)),
        *(layout.fixaddr(typed_entry(value, 0, layout.online_cpus) + 1) for value in (12, 0x112)),
    )  # fmt: skip


def at_the_edges(kind):
    """How many operations were plain at, before and after each edge."""
    return "; ".join(_at_the_edges(*crowded(kind, task), task) for task in (0, 2))


def _at_the_edges(machine, state, task):
    start, counts = vector.get(state.registers, 1), []
    asks = (
        (OpCode.READ, 0),
        (OpCode.WRITE, 5),
        *((OpCode.TYPED_UNMAP, value) for value in (13, 0x112, 0x113, 0x200)),
        *((code, 0) for code in UNMAPS),
    )
    for edge in edges(machine):
        answers = []
        for (code, value), beside in product(asks, (-0x1000, -4, -2, 0, 4, 0x1000)):
            op = Operation(
                code, task, 1, 1, offset=(edge + beside - start) & 0xFFFF_FFFF, value=value
            )
            answers.append(asked(machine, state, op)[1])
        counts.append(str(sum(one is not None for one in answers)))
    return " ".join(counts)


def by_others(kind):
    """How many were plain where entries of a stack are not what the task has put there, or were
    never filled.
    """
    machine, counts = of_kind(kind), []
    layout, start = machine.layout, initial(machine, empty_snapshot(machine))
    code, undo = (
        (OpCode.KMAP_LOCAL, OpCode.KUNMAP_LOCAL)
        if machine.local
        else (OpCode.KMAP_ATOMIC, OpCode.KUNMAP_ATOMIC)
    )
    for maps, altered in product((1, 2), ((), (0,), (1,), (2,))):
        state = start
        for depth in range(maps):
            state = step(machine, state, Operation(code, 0, depth, 1 + depth, value=depth))[
                0
            ].state
        for entry, pte in product(altered, (0, machine.ptes[3])):
            index = layout.window_index(0, machine.increment * (entry + 1) - 1)
            other = state.with_window(index, pte)
            answers = [asked(machine, other, one)[1] for one in _goes_on(code, undo)]
            counts.append(str(sum(one is not None for one in answers)))
        saved = (
            vector.replaced(state.tasks[0].saved, machine.increment - 1, 0)
            if machine.local
            else ()
        )
        hole = state._replace(tasks=(state.tasks[0]._replace(saved=saved), *state.tasks[1:]))
        for known in (state, hole):
            answers = [asked(machine, known, one)[1] for one in _goes_on(code, undo)]
            counts.append(str(sum(one is not None for one in answers)))
    return " ".join(counts)


def _goes_on(code, undo):
    yield from (Operation(one, 0) for one in (OpCode.SLEEP, OpCode.YIELD, OpCode.NOP))
    yield from (Operation(OpCode.NOP, other) for other in (1, 2))
    yield from (Operation(code, task, 2, 5) for task in (0, 1, 2))
    yield from (Operation(undo, 0, reg=reg, value=reg - 1) for reg in (1, 2))


RECORD = Path(__file__).parent / "listed" / "plain-edges.txt"
"""As it was when last written (``python -m tests.model.test_fast_path_edges``)."""


def _waiting(*phases):
    """Tasks 1 and 2 wait for a slot, woken or not."""

    def change(state):
        waiters = (
            state.tasks[1 + at]._replace(phase=phase, page=3) for at, phase in enumerate(phases)
        )
        tasks = (state.tasks[0]._replace(preempt=0), *waiters, *state.tasks[1 + len(phases) :])
        return state._replace(tasks=tasks, waiting=tuple(range(1, 1 + len(phases))), spinning=())

    return change


HARD = Context(True, 2, False)
ODD = {
    "it is to go to CPU 0": odd_task(preempt=0, going=0),
    "one is woken and one is not": _waiting(Phase.WOKEN, Phase.BLOCKED),
    "nobody is woken": _waiting(Phase.BLOCKED, Phase.BLOCKED),
    "at rest": lambda state: odd_task(preempt=0)(state)._replace(current=-1, windows={}),
    "migration is enabled once too often": odd_task(preempt=0, migrate=-1),
}


def still_odder(kind):
    """How many operations were plain where several things are odd."""
    machine, rng, counts = of_kind(kind), Random(f"{kind} 7"), []
    for name, change in ODD.items():
        state = change(mapped(machine))
        answers = [asked(machine, state, operation(rng, machine, state))[1] for _ in range(60)]
        counts.append(f"{name} {sum(one is not None for one in answers)}")
    return "; ".join(counts)


def of_pkmap(kind):
    """How many were plain with each subset of three slots unused, with the cursor anywhere, and
    with counts lost.
    """
    machine, counts = of_kind(kind), []
    start = initial(machine, empty_snapshot(machine))
    for first in range(2):
        for subset in product((False, True), repeat=3):
            state = start
            for page in range(3):
                state = step(machine, state, Operation(OpCode.KMAP, 0, (page + first) % 3))[
                    0
                ].state
            for page, unused in enumerate(subset):
                if unused:
                    state = step(machine, state, Operation(OpCode.KUNMAP, 0, page))[0].state
            counts.append(_plain_of_pkmap(machine, state))
            flushed = step(machine, state, Operation(OpCode.FLUSH_UNUSED))[0].state
            counts.append(_plain_of_pkmap(machine, flushed._replace(cursor=first)))
            lost = [slot._replace(count=0) for slot in vector.items(state.slots)]
            counts.append(_plain_of_pkmap(machine, state._replace(slots=vector.build(lost))))
    return " ".join(map(str, counts))


def _plain_of_pkmap(machine, state):
    ops = [
        Operation(code, task, page, 7)
        for code, task, page in product((OpCode.KMAP, OpCode.KUNMAP), (0, 2), range(5))
    ]
    ops += [Operation(OpCode.PAGE_ADDRESS, 0, page) for page in range(6)] + [
        Operation(OpCode.FLUSH_UNUSED)
    ]
    states = (state, odd_task(preempt=1)(state), odd_task(irqs_off=True, contexts=(HARD,))(state))
    return sum(asked(machine, one, op)[1] is not None for one, op in product(states, ops))


def of_slots(kind):
    """How many were plain beside somebody else's slot, with clean slots not flushed yet, and with
    a task that waits.
    """
    machine = of_kind(kind)
    state = initial(machine, empty_snapshot(machine))
    for page in (0, 0, 1):
        state = step(machine, state, Operation(OpCode.KMAP, 0, page))[0].state
    unused = step(machine, state, Operation(OpCode.KUNMAP, 0, 1))[0].state
    foreign = with_foreign_slot(machine, unused, 0, 1, 0x7_7000_163)
    states = (
        foreign,
        foreign._replace(cursor=2),
        _waiting(Phase.BLOCKED)(state),
    )
    return " ".join(str(_plain_of_pkmap(machine, one)) for one in states)


def of_entries(kind):
    """Plain steps with types beyond the window, entries unmapped twice, a neighbour or a saved
    PTE in the way.
    """
    machine = of_kind(kind)
    layout, start = machine.layout, initial(machine, empty_snapshot(machine))
    maps = Operation(OpCode.KMAP_ATOMIC, 0, 1, 1)
    counts = [
        _plain_of(machine, start, (maps._replace(task=task, value=value) for task in (0, 2)))
        for value in (0, 2, 3, 4, 11, 12, 13, 40)
    ]
    last = layout.window_index(layout.online_cpus - 1, 0) - 1
    for entry, state in ((last, start), (last, start.with_window(last, machine.ptes[1]))):
        beside = layout.fixaddr(entry)
        unmaps = (
            Operation(code, 2, reg=1, offset=beside, value=value)
            for code in UNMAPS
            for value in (-1, 0, 1)
        )
        counts.append(_plain_of(machine, state, unmaps))
    for code, undo in ((code, undo) for code in MAPS for undo in UNMAPS):
        put, take = Operation(code, 0, 1, 1), Operation(undo, 0, reg=1)
        state = start
        for op in (put, take):
            outcomes = step(machine, state, op)
            counts.append(_plain_of(machine, state, (put, take)))
            state = outcomes[0].state
        counts.append(_plain_of(machine, state, (put, take)))
    kept = (
        vector.replaced(start.tasks[0].saved, machine.increment - 1, machine.ptes[1])
        if machine.local
        else ()
    )
    counts.append(
        _plain_of(
            machine, odd_task(saved=kept)(start), (Operation(code, 0, 1, 1) for code in MAPS)
        )
    )
    return " ".join(map(str, counts))


def _plain_of(machine, state, ops):
    return sum(asked(machine, state, op)[1] is not None for op in ops)


TELLERS = (at_the_edges, by_others, still_odder, of_pkmap, of_slots, of_entries)


@pytest.mark.judges("fast_path")
@pytest.mark.parametrize("told", TELLERS)
@pytest.mark.parametrize("kind", LAYOUTS)
def test_the_fast_path_is_right_or_silent(kind, told):
    assert f"{kind} {told.__name__}: {told(kind)}" in RECORD.read_text().splitlines()


if __name__ == "__main__":
    lines = (f"{kind} {told.__name__}: {told(kind)}\n" for kind in LAYOUTS for told in TELLERS)
    RECORD.write_text("".join(lines))
