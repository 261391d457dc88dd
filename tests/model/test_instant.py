"""Interrupts in the middle of an operation: what is allowed, and what breaks the contract."""

import pytest

from harness.model.fast.fast_path import plain
from harness.model.records.interrupt import HARD, IN_USE, OWN, TORN, InterruptContext, Trigger
from harness.model.records.observation import Interrupt, Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from tests.model.judged import check
from tests.model.machines import LOCAL_PAE, STACK_PAE, small

MAP, UNMAP = Operation(OpCode.KMAP_ATOMIC, page=0, reg=1), Operation(OpCode.KUNMAP_ATOMIC, reg=1)


def due(*, trigger=Trigger.UNMAP, where=InterruptContext.HARDIRQ, levels=1, skip=0):
    return Operation(
        OpCode.INTERRUPT, page=1, reg=where | trigger << 4, offset=10, value=levels | skip << 8
    )


def after(machine, *operations):
    """The state after *operations*, each as its first outcome has it."""
    state = initial(machine, empty_snapshot(machine))
    for op in operations:
        state = step(machine, state, op)[0].state
    return state


@pytest.mark.parametrize("layout", [LOCAL_PAE, STACK_PAE], ids=["local", "stack"])
def test_it_nests_above_the_depth_before_or_after_the_operation(layout):
    machine = small(layout, tasks=(0,))
    state = after(machine, due(levels=2, skip=1), MAP)
    seen = [one.observation.interrupts for one in step(machine, state, UNMAP)]
    assert () in seen  # the instruction may not be executed at all
    depths = {tuple(level.depth for level in records) for records in seen if records}
    assert depths == {(1, 2, 1), (0, 1, 0)}
    first = machine.layout.fixaddr(machine.layout.window_index(0, 0))
    assert {records[0].address for records in seen if records} == {first, first - 0x1000}


def test_a_timer_always_comes_and_what_it_came_for_is_over():
    machine = small(LOCAL_PAE, tasks=(0,))
    state = after(machine, due(trigger=Trigger.TIMER))
    outcomes = step(machine, state, MAP)
    assert all(one.observation.interrupts for one in outcomes)
    assert all(one.state.tasks[0].armed is None for one in outcomes)


def test_what_a_task_arms_takes_the_place_of_what_another_has_armed():
    machine = small(LOCAL_PAE, tasks=(0, 0))
    timer = due(trigger=Trigger.TIMER)
    state = after(machine, timer, timer._replace(task=1))
    assert [bool(task.armed) for task in state.tasks] == [False, True]
    assert all(not one.observation.interrupts for one in step(machine, state, MAP))
    for one in step(machine, state, MAP._replace(task=1)):
        assert one.observation.interrupts


def test_a_probe_that_cannot_be_placed_disarms_the_other_task_too():
    machine = small(LOCAL_PAE, tasks=(0, 0))
    state = after(machine, due(trigger=Trigger.TIMER))
    outcomes = step(machine, state, due()._replace(task=1))
    assert {one.observation.status for one in outcomes} == {Status.OK, Status.REFUSED}
    assert all(one.state.tasks[0].armed is None for one in outcomes)


TAKEN = Interrupt(HARD | OWN | IN_USE, 0, 0xFFFB_B000, 0x163, 0)
END = Interrupt(HARD | OWN, 1, 0, 0, 0)
HALF = Interrupt(TORN, 0, 0xFFFB_B000, 0x5163, 0)
BROKEN = {
    "interrupt-slot": (TAKEN, END._replace(depth=0)),
    "interrupt-nesting": (Interrupt(HARD | OWN, 1, 0xFFFB_B000, 0, 0), END),
    "interrupt-pte": (Interrupt(HARD | OWN, 1, 0xFFFB_A000, 0, 0), END),
    "interrupt-data": (Interrupt(HARD | OWN, 1, 0xFFFB_A000, 0, 7), END),
    "interrupt-torn": (HALF, END),
    "interrupt-depth": (END, END._replace(depth=2)),
}


@pytest.mark.parametrize(("rule", "records"), BROKEN.items(), ids=BROKEN)
def test_what_an_interrupt_must_not_see_or_leave(rule, records):
    machine = small(LOCAL_PAE, tasks=(0,))
    state = after(machine, due(skip=1), MAP)
    plain = next(one for one in step(machine, state, UNMAP) if not one.observation.interrupts)
    assert not check(machine, state, UNMAP, plain.observation)
    broken = plain.observation._replace(interrupts=records)
    assert rule in {one.rule for one in check(machine, state, UNMAP, broken)}


def test_one_that_makes_no_sense_is_refused():
    machine = small(LOCAL_PAE, tasks=(0,), high=2, low=0)
    state = initial(machine, empty_snapshot(machine))
    for op in (due(levels=0), due(levels=2), due(trigger=Trigger.TIMER)._replace(offset=0)):
        assert {one.observation.status for one in step(machine, state, op)} == {Status.REFUSED}


def test_the_fast_way_leaves_what_contexts_disturb_to_the_rules():
    machine = small(LOCAL_PAE, tasks=(0, 1))
    assert plain(machine, after(machine), MAP) is not None
    for odd in (due(), Operation(OpCode.USER, page=0)):
        assert plain(machine, after(machine, odd), MAP) is None
    sent = after(
        machine,
        Operation(OpCode.KMAP_LOCAL, reg=2, page=0),
        Operation(OpCode.AFFINITY, 1, value=1 << 8),
    )
    assert plain(machine, sent, Operation(OpCode.KUNMAP_LOCAL, reg=2)) is None
