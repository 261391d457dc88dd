"""Whose turn it is: windows change hands with the task that acts, and only then."""

import pytest

from harness.model.records.layout import UNBOUND
from harness.model.records.observation import Status
from harness.model.records.operation import NO_PAGE, OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import cpus, predict, step
from tests.model.machines import LOCAL_PAE, STACK_PAE, small

pytestmark = pytest.mark.judges("step", "finish")

MACHINE = small(LOCAL_PAE, tasks=(0, 0, 1, UNBOUND))
BEGIN, PTES = MACHINE.layout.fix_kmap_begin, MACHINE.ptes


def maps(task):
    return Operation(OpCode.KMAP_LOCAL, task, page=task, reg=task)


def nop(task):
    return Operation(OpCode.NOP, task)


def after(*operations, machine=MACHINE):
    state = initial(machine, empty_snapshot(machine))
    for op in operations:
        outcome = predict(machine, state, op)
        assert outcome is not None, op
        state = outcome.state
    return state


def test_a_window_shows_the_stack_of_the_task_that_runs():
    state = after(maps(0))
    assert state.windows == {BEGIN: PTES[0]}
    state = step(MACHINE, state, maps(1))[0].state
    assert state.windows == {BEGIN: PTES[1]}
    assert step(MACHINE, state, nop(0))[0].state.windows == {BEGIN: PTES[0]}


def test_one_in_an_atomic_section_keeps_its_window():
    state = after(maps(0), Operation(OpCode.PREEMPT_OFF, 0), nop(2))
    assert state.windows == {BEGIN: PTES[0]}
    assert predict(MACHINE, state, nop(0)).observation.windows == ()


def test_a_hole_stays_while_the_task_goes_on_and_is_filled_when_it_comes_back():
    hole = (maps(0), Operation(OpCode.SET_PTE, 0, page=NO_PAGE, reg=0))
    assert after(*hole, nop(0)).windows == {}
    assert after(*hole, nop(1), nop(0)).windows == {BEGIN: PTES[0]}


def test_the_stack_generation_leaves_windows_alone():
    machine = small(STACK_PAE, tasks=(0, 1))
    kmap = Operation(OpCode.IOMAP, 0, page=0, reg=0)
    state = after(kmap, nop(0), machine=machine)
    assert after(kmap, nop(1), nop(0), machine=machine).windows == state.windows != {}


@pytest.mark.parametrize(
    ("operation", "found"),
    [
        (None, (0, 1)), (maps(3), (0,)), (Operation(OpCode.PREEMPT_OFF, 3), (0,)),
        (Operation(OpCode.IRQ_OFF, 3), (0,)),
        (Operation(OpCode.KMAP, 3, page=0), (0, 1)),
    ],
)  # fmt: skip
def test_a_task_that_is_bound_to_no_cpu_is_pinned_by_what_it_does(operation, found):
    state = after() if operation is None else step(MACHINE, after(), operation)[0].state
    assert cpus(MACHINE, state, 3) == found
    assert cpus(MACHINE, state, 2) == (1,)


def test_one_that_nobody_executes_is_seen_before_or_after_the_last_task_has_left():
    state = after(maps(0), Operation(OpCode.EXIT, 2), maps(1))
    found = step(MACHINE, state, nop(2))
    assert {one.observation.status for one in found} == {Status.REFUSED}
    assert [(one.state.current, one.state.windows) for one in found] == [
        (1, {BEGIN: PTES[1]}),
        (-1, {}),
    ]
    assert len(step(MACHINE, after(Operation(OpCode.EXIT, 2), nop(0)), nop(2))) == 1


def test_there_is_one_prediction_where_there_is_one_outcome():
    assert predict(MACHINE, after(), nop(0)) == step(MACHINE, after(), nop(0))[0]
    assert predict(MACHINE, after(), nop(3)) is None
    assert predict(MACHINE, after()._replace(lost="x"), nop(0)) is None
