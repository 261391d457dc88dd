"""The state after what was seen, whatever the rules would have made of it."""

import pytest

from harness.model.records import vector
from harness.model.records.layout import UNBOUND
from harness.model.records.observation import SlotChange, Status
from harness.model.records.operation import Base, OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import Phase
from harness.model.rules.step import step
from tests.model.judged import state_as_seen
from tests.model.machines import LOCAL_PAE, LOCAL_RT, small

pytestmark = pytest.mark.judges("seen_state")

MACHINE = small(LOCAL_PAE, tasks=(0, 1, 0))
MAP, UNMAP = Operation(OpCode.KMAP_LOCAL, page=0, reg=1), Operation(OpCode.KUNMAP_LOCAL, reg=1)
SEND, TAKE_AWAY = (
    Operation(OpCode.AFFINITY, 1, value=1 << 8),
    Operation(OpCode.HOTPLUG, 0, value=1),
)
AWAIT = Operation(OpCode.AWAIT, 1)


def followed(*operations):
    """(state of the rules, state that was seen) after *operations*, each seen as its first
    outcome has it.
    """
    state = seen = initial(MACHINE, empty_snapshot(MACHINE))
    for op in operations:
        outcome = step(MACHINE, state, op)[0]
        seen = state_as_seen(MACHINE, seen, op, outcome.observation)
        state = outcome.state
    return state, seen


@pytest.mark.parametrize(
    "operations", [(SEND,), (MAP, SEND), (MAP, SEND, UNMAP, AWAIT), (TAKE_AWAY,)]
)
def test_a_task_that_was_sent_elsewhere_is_sent_there(operations):
    state, seen = followed(*operations)
    assert seen == state


def test_where_tasks_were_sent():
    assert followed(SEND)[1].tasks[0][1:3] == (1, 1)
    assert followed(MAP, SEND)[1].tasks[0].going == 1
    assert followed(TAKE_AWAY)[1].tasks[1].allowed == UNBOUND


def seen_as(before, **fields):
    """The state after a NOP that was seen to do *fields*."""
    outcome = step(MACHINE, before, Operation(OpCode.NOP))[0]
    return state_as_seen(
        MACHINE, before, Operation(OpCode.NOP), outcome.observation._replace(**fields)
    )


MAPPED = followed(*(Operation(OpCode.KMAP, page=page, reg=page) for page in (0, 1)))[0]
"""Pages 0 and 1 are in slots 1 and 2."""
AT, PTES = MACHINE.layout.pkmap_address, MACHINE.ptes
FOREIGN = 0x7_7000_163


@pytest.mark.parametrize(
    ("change", "where", "count"),
    [
        (SlotChange(1, 1, PTES[0], AT(1)), [AT(1), AT(2), 0], 2),
        (SlotChange(1, 0, 0, 0), [0, AT(2), 0], 0),
        (SlotChange(1, 0, 0, AT(1)), [AT(1), AT(2), 0], 0),
        (SlotChange(1, 2, FOREIGN, AT(1)), [0, AT(2), 0], 2),
        (SlotChange(1, 2, PTES[2], AT(1)), [0, AT(2), AT(1)], 1),
        (SlotChange(1, 2, PTES[1], AT(1)), [0, AT(1), 0], 2),
    ],
    ids=[
        "unused",
        "clean",
        "clean but not forgotten",
        "somebody else's",
        "another page's",
        "a second slot",
    ],
)
def test_the_addresses_of_pages_follow_the_slots(change, where, count):
    """The count is one more than the users, which no count of a slot changes."""
    after = seen_as(MAPPED, slots=(change,))
    assert list(vector.items(after.where))[:3] == where
    assert vector.get(after.slots, 1) == (count, change.pte)


def test_a_page_whose_address_is_another_slots_keeps_it():
    put = Operation(OpCode.SET_PTE, page=0, base=Base.PKMAP, reg=2)
    before = step(MACHINE, MAPPED, put)[0].state
    assert vector.get(before.slots, 2).pte == PTES[0]
    after = seen_as(before, slots=(SlotChange(2, 0, 0, 0),))
    assert list(vector.items(after.where))[:2] == [AT(1), AT(2)]


@pytest.mark.parametrize(
    ("told", "count"),
    [(2, 2), (0x3FFF_FFFF, 0x3FFF_FFFF), (0x4000_0000, -0x4000_0000), (0x7FFF_FFFF, -1)],
)
def test_a_preempt_count_has_31_bits(told, count):
    assert seen_as(MAPPED, preempt=told).tasks[0].preempt == count


FULL = small(LOCAL_PAE, slots=2, tasks=(0, 1, 0))


def full(*operations):
    """The state where task 0 has both slots, after *operations*."""
    state = initial(FULL, empty_snapshot(FULL))
    for op in (*(Operation(OpCode.KMAP, page=page, reg=page) for page in (0, 1)), *operations):
        state = step(FULL, state, op)[0].state
    return state


def test_a_kmap_that_did_not_sleep_where_it_should_have_is_over():
    op, state = Operation(OpCode.KMAP, 1, page=2, reg=5), full()
    seen = step(FULL, state, op)[0].observation
    assert seen.status is Status.BLOCKED
    told = seen._replace(
        status=Status.OK, waiters=0, value=AT(1), slots=(SlotChange(1, 2, FULL.ptes[2], AT(1)),)
    )
    after = state_as_seen(FULL, state, op, told)
    assert (after.waiting, after.tasks[1]) == ((), state.tasks[1])
    assert vector.get(after.registers, 5) == AT(1)


def test_a_task_that_survived_a_bug_lives():
    op, state = Operation(OpCode.KUNMAP, 1, page=2), full()
    seen = step(FULL, state, op)[0].observation
    assert seen.status is Status.DIED
    assert (
        state_as_seen(FULL, state, op, seen._replace(status=Status.OK)).tasks[1].phase
        is Phase.READY
    )
    assert state_as_seen(FULL, state, op, seen).tasks[1].phase is Phase.DEAD


@pytest.mark.parametrize(
    ("status", "phase"), [(Status.BLOCKED, Phase.BLOCKED), (Status.DIED, Phase.DEAD)]
)
def test_the_counts_of_one_that_sleeps_or_is_gone_are_those_of_the_rules(status, phase):
    maps = Operation(OpCode.KMAP_LOCAL, 1, page=3, reg=3)
    state, op = full(maps), Operation(OpCode.KMAP, 1, page=2, reg=5)
    seen = step(FULL, state, op)[0].observation._replace(status=status, migrate=7, preempt=7)
    task = state_as_seen(FULL, state, op, seen).tasks[1]
    assert (task.phase, task.migrate, task.preempt) == (phase, 1, 0)
    assert (task.page, task.reg) == ((2, 5) if phase is Phase.BLOCKED else (-1, 0))


def test_an_interrupt_ends_with_another_tasks_step():
    opened = full(Operation(OpCode.HARDIRQ, 0, value=5))
    seen = step(FULL, opened, Operation(OpCode.NOP, 1))[0].observation
    after = state_as_seen(FULL, opened, Operation(OpCode.NOP, 1), seen)
    assert (after.tasks[0].contexts, after.tasks[0].irqs_off, after.spinning) == ((), False, ())


def test_one_that_was_not_woken_sleeps_on():
    state, op = full(Operation(OpCode.KMAP, 1, page=2, reg=5)), Operation(OpCode.KUNMAP, 0, page=0)
    seen = step(FULL, state, op)[0].observation
    assert [done.task for done in seen.done] == [1]
    after = state_as_seen(FULL, state, op, seen._replace(done=(), waiters=1))
    assert (after.waiting, after.tasks[1].phase, after.tasks[1].page) == ((1,), Phase.BLOCKED, 2)
    assert state_as_seen(FULL, state, op, seen).waiting == ()


def test_who_was_woken_and_is_held_back_is_known_by_the_rules():
    waits, off = Operation(OpCode.KMAP, 1, page=2, reg=5), Operation(OpCode.PREEMPT_OFF, 2)
    guest = FULL.with_tasks((0, 1, 1))
    state = initial(guest, empty_snapshot(guest))
    fill = (Operation(OpCode.KMAP, page=page, reg=page) for page in (0, 1))
    for op in (*fill, waits, off, Operation(OpCode.KUNMAP, 0, page=0), Operation(OpCode.NOP, 2)):
        outcome = step(guest, state, op)[0]
        assert state_as_seen(guest, state, op, outcome.observation) == outcome.state
        state = outcome.state
    assert (state.waiting, state.tasks[1].phase) == ((1,), Phase.WOKEN)


def test_where_the_rules_claim_nothing_a_comparison_goes_on_with_what_was_seen():
    seen = step(MACHINE, MAPPED, Operation(OpCode.NOP))[0].observation
    lost = MAPPED._replace(lost="a dead task holds the lock")
    assert step(MACHINE, lost, Operation(OpCode.NOP)) == ()
    assert state_as_seen(
        MACHINE, lost, Operation(OpCode.NOP), seen._replace(cursor=3)
    ) == MAPPED._replace(cursor=3)


@pytest.mark.parametrize(
    ("fields", "address"),
    [({}, 0), ({"preempt": 1}, AT(1)), ({"preempt": -1}, AT(1)), ({"irqs_off": True}, AT(1))],
)
def test_on_rt_an_address_that_may_not_be_asked_for_is_the_slots_own(fields, address):
    guest, op = small(LOCAL_RT, tasks=(0,)), Operation(OpCode.KMAP, page=0, reg=0)
    state = step(guest, initial(guest, empty_snapshot(guest)), op)[0].state
    state = state._replace(tasks=(state.tasks[0]._replace(**fields),))
    seen = step(guest, state, Operation(OpCode.NOP))[0].observation
    after = state_as_seen(
        guest, state, Operation(OpCode.NOP), seen._replace(slots=(SlotChange(1, 3, PTES[0], 0),))
    )
    assert vector.get(after.where, 0) == address
