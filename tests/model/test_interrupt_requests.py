"""What an INTERRUPT operation may ask for, and when what it asked for comes."""

import pytest

from harness.model.records.interrupt import (
    DELAY_MOST_NS,
    HARD,
    IN_USE,
    LEVELS_MOST,
    OWN,
    SOFT,
    TORN,
    Armed,
    InterruptContext,
    Trigger,
)
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from tests.model.machines import LOCAL_PAE, STACK_PAE, small

pytestmark = pytest.mark.judges("armed_interrupt", "step", "refusal")

TWO, ONE = (
    small(LOCAL_PAE._replace(online_cpus=cpus), slots=2, high=9, tasks=(0,)) for cpus in (2, 1)
)
"""Ten pages on two CPUs, and on one."""
MAP, NOP = Operation(OpCode.KMAP_LOCAL, page=0, reg=1), Operation(OpCode.NOP)
TIMER, IPI, ON_MAP = Trigger.TIMER, Trigger.IPI, Trigger.MAP
OK, REFUSED = Status.OK, Status.REFUSED


def due(trigger=TIMER, *, where=InterruptContext.HARDIRQ, levels=1, skip=0, offset=10, page=1):
    reg, value = where | trigger << 4, levels | skip << 8
    return Operation(OpCode.INTERRUPT, page=page, reg=reg, offset=offset, value=value)


def after(*operations, machine=TWO):
    """The state after *operations*, each as its first outcome has it."""
    state = initial(machine, empty_snapshot(machine))
    for op in operations:
        state = step(machine, state, op)[0].state
    return state


REQUESTS = {
    "last trigger": (due(Trigger.PAGE_ADDRESS), OK),
    "no such trigger": (due(13), REFUSED),
    "last context": (due(where=InterruptContext.TASK), OK),
    "no such context": (due(where=3), REFUSED),
    "no level": (due(levels=0), REFUSED),
    "most levels": (due(levels=LEVELS_MOST), OK),
    "too many levels": (due(levels=LEVELS_MOST + 1), REFUSED),
    "last pages": (due(levels=2, page=8), OK),
    "beyond the pages": (due(levels=2, page=9), REFUSED),
    "at once": (due(offset=0), REFUSED),
    "in a nanosecond": (due(offset=1), OK),
    "in the longest time": (due(offset=DELAY_MOST_NS), OK),
    "too late": (due(offset=DELAY_MOST_NS + 1), REFUSED),
    "an IPI at once": (due(IPI, offset=0), REFUSED),
    "an IPI too late": (due(IPI, offset=DELAY_MOST_NS + 1), REFUSED),
    "first instruction": (due(ON_MAP, offset=0), OK),
    "an instruction far away": (due(ON_MAP, offset=DELAY_MOST_NS + 1), OK),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_what_may_be_asked_for(name):
    op, status = REQUESTS[name]
    assert step(TWO, after(), op)[0].observation.status is status


def test_another_cpu_must_be_there_to_send_an_ipi():
    state = after(machine=ONE)
    told = {trigger: step(ONE, state, due(trigger))[0].observation.status for trigger in Trigger}
    assert told == dict.fromkeys(Trigger, OK) | {IPI: REFUSED}
    assert step(TWO, after(), due(IPI))[0].observation.status is OK


def test_what_was_asked_for_is_remembered():
    op = due(Trigger.KMAP, where=InterruptContext.TASK, levels=3, skip=2 | 1 << 8, page=4)
    assert after(op).tasks[0].armed == Armed(InterruptContext.TASK, Trigger.KMAP, 4, 3, 2)


def interrupts(*operations, machine=TWO):
    """What interrupts of the last of *operations* may be seen, by outcome; and whether one is due
    still.
    """
    *first, last = operations
    found = step(machine, after(*first, machine=machine), last)
    return [outcome.observation.interrupts for outcome in found], {
        one.state.tasks[0].armed for one in found
    }


def test_with_interrupts_off_it_is_dropped():
    assert interrupts(due(skip=1), Operation(OpCode.IRQ_OFF), MAP) == ([()], {None})


def test_inside_of_another_interrupt_it_waits():
    inside = (due(skip=1), Operation(OpCode.HARDIRQ, value=1), MAP)
    (seen,), (armed,) = interrupts(*inside)
    assert (seen, armed.skip) == ((), 0)
    told, left = interrupts(*inside, MAP)
    assert all(told)
    assert left == {None}


def test_a_task_that_goes_to_sleep_in_kmap_meets_none():
    fill = [Operation(OpCode.KMAP, page=page) for page in (0, 1)]
    assert interrupts(*fill, due(Trigger.KMAP), Operation(OpCode.KMAP, page=2)) == ([()], {None})


def test_an_operation_in_which_none_may_come_drops_it():
    assert interrupts(due(), NOP)[0] != [()]
    assert interrupts(due(), Operation(OpCode.IRQ_OFF)) == ([()], {None})


@pytest.mark.parametrize("layout", [LOCAL_PAE, STACK_PAE], ids=["local", "stack"])
def test_it_reads_what_the_page_holds_before_or_after(layout):
    machine = small(layout, slots=2, tasks=(0,))
    kmap, write = Operation(OpCode.KMAP, page=1, reg=1), Operation(OpCode.WRITE, reg=1, value=7)
    told, _ = interrupts(kmap, due(), write, machine=machine)
    assert [[record.value for record in one] for one in told] == [[0, 0], [7, 0]]
    other = write._replace(offset=4, value=9)
    told, _ = interrupts(kmap, write, due(), other, machine=machine)
    assert [[record.value for record in one] for one in told] == [[7, 0]]


def test_the_numbers_are_those_of_the_wire():
    assert [(where.name, where.value) for where in InterruptContext] == [
        ("HARDIRQ", 0),
        ("SOFTIRQ", 1),
        ("TASK", 2),
    ]
    assert {trigger.name: trigger.value for trigger in Trigger} == {
        "TIMER": 0, "IPI": 1, "MAP": 2, "UNMAP": 3, "FLUSH": 4, "SWITCH_OUT": 5, "SWITCH_IN": 6,
        "KMAP": 7,
        "KUNMAP": 8, "FLUSH_UNUSED": 9, "IOMAP": 10, "IOUNMAP": 11, "PAGE_ADDRESS": 12,
    }  # fmt: skip
    assert (HARD, SOFT, OWN, IN_USE, TORN) == (1, 2, 4, 8, 16)
    assert (LEVELS_MOST, DELAY_MOST_NS) == (8, 1_000_000)


@pytest.mark.parametrize("code", [OpCode.SLEEP, OpCode.YIELD, OpCode.READ])
def test_in_a_switch_it_may_come_on_top_of_somebody_else(code):
    told, _ = interrupts(MAP, due(), Operation(code, reg=1))
    tops = {(records[0].flags, records[0].depth) for records in told}
    assert tops == ({(HARD | OWN, 1)} if code is OpCode.READ else {(HARD | OWN, 1), (HARD, 0)})
