"""At the end the slots in use are those that have users, whatever the order was."""

import pytest

from harness.guest.history_wire import HistoryCode, HistoryOutcome, ThreadState
from harness.history.explanation import HistoryRule
from harness.history.history import PendingOperation, SlotState
from harness.history.slots_in_use import slots_at_odds
from tests.history.small import FREE, address, event, history

PIN = SlotState(2, 7)
BEFORE = (PIN, *FREE[1:])
A = address(1)
MAP, UNMAP = event(HistoryCode.KMAP, 1, 1, 2, A), event(HistoryCode.KUNMAP, 1, 3, 4, A)


def rules(one):
    return [found.rule for found in slots_at_odds(one)]


@pytest.mark.parametrize(
    ("events", "slot", "wanted"),
    [
        ([MAP, UNMAP], SlotState(2, 1), [HistoryRule.KEPT]),
        ([MAP, UNMAP], SlotState(1, 1), []),
        ([MAP, UNMAP], SlotState(0, None), []),
        ([MAP], SlotState(1, 1), [HistoryRule.FORGOTTEN]),
        ([MAP], SlotState(0, None), [HistoryRule.FORGOTTEN]),
        ([MAP], SlotState(2, 1), []),
        ([MAP], SlotState(3, 1), []),
        ([], SlotState(2, -99), []),
    ],
)
def test_a_count_says_whether_a_slot_has_users(events, slot, wanted):
    after = (PIN, slot, FREE[2])
    assert rules(history(events, before=BEFORE, after=after)) == wanted


def test_what_was_mapped_before_has_its_users():
    unmap = [event(HistoryCode.KUNMAP, 7, 1, 2, address(0))]
    assert rules(history(unmap, before=BEFORE, after=BEFORE)) == [HistoryRule.KEPT]
    assert rules(history(before=BEFORE, after=BEFORE)) == []
    assert rules(history(before=BEFORE, after=FREE)) == [HistoryRule.FORGOTTEN]


def test_counts_of_another_kind_and_histories_without_an_end_say_nothing():
    other = (SlotState(1, 7), *FREE[1:])
    assert rules(history([MAP], before=other, after=other)) == []
    open_one = PendingOperation(0, HistoryCode.KMAP, 1, 5, 0, ThreadState.SLEPT)
    asleep = {"pending": (open_one,), "outcome": HistoryOutcome.ASLEEP}
    assert rules(history([MAP], before=BEFORE, **asleep)) == []


def test_the_last_operations_on_the_slot_are_shown():
    after = (PIN, SlotState(2, 1), FREE[2])
    (found,) = slots_at_odds(history([MAP, UNMAP], before=BEFORE, after=after))
    assert [one.event for one in found.places] == [UNMAP]
    assert found.detail == f"{A:#x} has a count of 2, and nobody has mapped it"
