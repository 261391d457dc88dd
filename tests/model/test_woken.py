"""Woken tasks that an atomic section holds back, on a machine with two slots and two CPUs."""

import pytest

from harness.model.records import vector
from harness.model.records.layout import UNBOUND
from harness.model.records.operation import Base, OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import Phase
from harness.model.rules.step import step
from tests.model.machines import small

pytestmark = pytest.mark.judges(
    "step", "wakeups", "access", "bookkeeping", "finish", "release", "pkmap"
)

OFF, ON, NOP = OpCode.PREEMPT_OFF, OpCode.PREEMPT_ON, OpCode.NOP
FIRST, SECOND = Operation(OpCode.KUNMAP, 0, 0), Operation(OpCode.KUNMAP, 0, 1)


class Guest:
    """Task 0 of CPU 0 has both slots; the others wait, each for a page of its own, or not."""

    def __init__(self, tasks, waiting):
        self.machine = small(slots=2, tasks=tasks)
        self.state = initial(self.machine, empty_snapshot(self.machine))
        for page in (0, 1):
            self.do(OpCode.KMAP, 0, page=page)
        for task in waiting:
            self.state = self.all(OpCode.KMAP, task, page=1 + task, reg=10 + task)[0].state

    def all(self, code, task, **operands):
        """Every outcome."""
        return step(self.machine, self.state, Operation(code, task, **operands))

    def do(self, code, task, **operands):
        """The only outcome, taken."""
        (outcome,) = self.all(code, task, **operands)
        self.state = outcome.state
        return outcome

    def phases(self):
        return [task.phase for task in self.state.tasks]


def held_guest():
    """Task 1 waits on CPU 1, which task 2 keeps."""
    guest = Guest((0, 1, 1), (1,))
    guest.do(OFF, 2)
    return guest


def done(outcome):
    return [one.task for one in outcome.observation.done]


def test_a_section_on_its_cpu_holds_a_woken_task_back():
    guest = held_guest()
    woken = guest.do(OpCode.KUNMAP, 0, page=0)
    assert (woken.rule, woken.observation.wakes, woken.observation.waiters) == (
        "kunmap.wake-held",
        1,
        1,
    )
    assert (done(woken), guest.state.waiting) == ([], (1,))
    assert guest.phases() == [Phase.READY, Phase.WOKEN, Phase.READY]
    assert done(guest.do(NOP, 2)) == []
    ended = guest.do(ON, 2)
    assert (ended.rule, done(ended), guest.state.waiting) == ("context.preempt-on+win", [1], ())
    assert guest.phases() == [Phase.READY] * 3
    assert vector.get(guest.state.registers, 11) == ended.observation.done[0].result


def test_the_waking_task_may_be_the_one_in_the_section():
    guest = Guest((0, 0, 1), (1,))
    guest.do(OFF, 0)
    assert guest.do(OpCode.KUNMAP, 0, page=0).rule == "kunmap.wake-held"
    assert done(guest.do(ON, 0)) == [1]


def test_somebody_else_may_take_the_slot_meanwhile():
    guest = held_guest()
    guest.do(OpCode.KUNMAP, 0, page=0)
    guest.do(OpCode.KMAP, 0, page=5)
    ended = guest.do(ON, 2)
    assert (ended.rule, done(ended), guest.state.waiting) == ("context.preempt-on+lose", [], (1,))
    assert guest.phases()[1] is Phase.BLOCKED
    assert guest.do(OpCode.KUNMAP, 0, page=1).rule == "kunmap.wake+win"


def test_those_of_a_free_cpu_go_first():
    guest = Guest((0, 1, 1, 0), (1, 3))
    guest.do(OFF, 2)
    woken = guest.do(OpCode.KUNMAP, 0, page=0)
    assert (woken.rule, done(woken), guest.state.waiting) == ("kunmap.wake-held+win", [3], (1,))
    assert guest.phases() == [Phase.READY, Phase.WOKEN, Phase.READY, Phase.READY]


def test_two_held_back_may_go_in_any_order_and_are_told_in_one():
    guest = Guest((0, 1, 1, 1), (1, 3))
    guest.do(OFF, 2)
    for page in (0, 1):
        guest.do(OpCode.KUNMAP, 0, page=page)
    outcomes = guest.all(ON, 2)
    assert [done(outcome) for outcome in outcomes] == [[1, 3], [1, 3]]
    slots = [[one.result >> 12 & 1 for one in outcome.observation.done] for outcome in outcomes]
    assert sorted(slots) == [[0, 1], [1, 0]]


def test_a_mapping_unmapped_in_a_softirq_frees_no_cpu():
    guest = Guest((0, 1, 1), (1,))
    guest.do(OpCode.KMAP_ATOMIC, 2, page=3, reg=5)
    guest.do(OpCode.KUNMAP, 0, page=0)
    guest.do(OpCode.SOFTIRQ, 2, value=2)
    assert done(guest.do(OpCode.KUNMAP_ATOMIC, 2, reg=5)) == []
    assert done(guest.do(NOP, 2)) == []
    assert done(guest.do(NOP, 2)) == [1]


@pytest.mark.parametrize("waiting", [(1,), (1, 3), (3, 1)])
def test_beside_a_section_one_that_is_bound_to_no_cpu_is_not_claimed(waiting):
    tasks = (0, UNBOUND, 1, 0)
    guest = Guest(tasks, waiting)
    assert all(not outcome.state.lost for outcome in guest.all(OpCode.KUNMAP, 0, page=0))
    guest.do(OFF, 2)
    (outcome,) = guest.all(OpCode.KUNMAP, 0, page=0)
    assert outcome.state.lost.startswith("a woken task that is bound to no CPU")
    assert outcome.observation.wakes == 1


def test_with_interrupts_off_nobody_waits_for_the_woken():
    guest = Guest((0, 1, 1), (1,))
    guest.do(OpCode.IRQ_OFF, 0)
    assert guest.all(OpCode.KUNMAP, 0, page=0) == ()


def test_an_interrupt_that_another_tasks_step_ends_frees_its_cpu():
    guest = Guest((0, 1, 1), (1,))
    guest.do(OpCode.KMAP_ATOMIC, 2, page=3, reg=5)
    guest.do(OpCode.KUNMAP, 0, page=0)
    guest.do(OpCode.SOFTIRQ, 2, value=9)
    guest.do(OpCode.KUNMAP_ATOMIC, 2, reg=5)
    assert done(guest.do(OpCode.READ, 0, base=Base.PKMAP, reg=1)) == [1]
