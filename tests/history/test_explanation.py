"""The decision agrees with a search through all orders, and shows the shortest window."""

from dataclasses import replace

from hypothesis import given, settings

from harness.guest.history_wire import FAULT, TAG, HistoryCode, HistoryOutcome, ThreadState
from harness.history.explanation import HistoryRule, violations
from harness.history.history import PendingOperation, SlotState
from harness.history.violation_window import window_lines
from tests.history.small import FREE, address, event, has_order, histories, history

A, B = address(0), address(1)


def rules(one):
    return {found.rule for found in violations(one)}


@settings(max_examples=300, deadline=None)
@given(histories())
def test_the_decision_is_that_of_a_search_through_all_orders(one):
    assert (not violations(one)) == has_order(one)


@settings(max_examples=100, deadline=None)
@given(histories(threads=2, pages=2, length=6))
def test_also_for_longer_programs_of_fewer_threads(one):
    assert (not violations(one)) == has_order(one)


def test_two_pages_on_one_slot():
    """The shortest window holds the two maps: the first page is still mapped at the second."""
    one = history(
        [event(HistoryCode.KMAP, 0, 1, 2, A), event(HistoryCode.KUNMAP, 0, 7, 8, A)],
        [event(HistoryCode.KMAP, 1, 3, 4, A), event(HistoryCode.KUNMAP, 1, 9, 10, A)],
    )
    (found,) = violations(one)
    assert (found.rule, found.window) == (HistoryRule.TWO_PAGES, (2, 4))
    text = "\n".join(window_lines(one, found))
    assert f"{A:#x} given for page 1 while page 0 is mapped there" in text
    assert text.count("\n>") == 2


def test_an_unmap_that_has_begun_may_have_happened():
    one = history(
        [event(HistoryCode.KMAP, 0, 1, 2, A), event(HistoryCode.KUNMAP, 0, 3, 6, A)],
        [event(HistoryCode.KMAP, 1, 4, 5, A)],
    )
    assert not violations(one)


def test_one_page_on_two_slots():
    one = history([event(HistoryCode.KMAP, 0, 1, 2, A)], [event(HistoryCode.KMAP, 0, 3, 4, B)])
    assert rules(one) == {HistoryRule.TWO_SLOTS}


def test_a_slot_of_what_stays_mapped_is_not_free():
    pinned = (SlotState(2, 7), *FREE[1:])
    assert rules(history([event(HistoryCode.KMAP, 0, 1, 2, A)], before=pinned)) == {
        HistoryRule.TWO_PAGES
    }
    assert not violations(history([event(HistoryCode.KMAP, 7, 1, 2, A)], before=pinned))


def test_page_address_of_a_mapped_page():
    mapped = [event(HistoryCode.KMAP, 0, 1, 2, A), event(HistoryCode.KUNMAP, 0, 9, 10, A)]
    for value, good in ((A, True), (0, False), (B, False)):
        one = history(mapped, [event(HistoryCode.PAGE_ADDRESS, 0, 4, 5, value)])
        assert (not violations(one)) == good == has_order(one)


def test_data_of_another_page():
    read = event(HistoryCode.TAG_READ, 5, 2, 2, TAG + 6)
    (found,) = violations(history([event(HistoryCode.KMAP, 5, 1, 2, A), read]))
    assert found.rule is HistoryRule.DATA
    assert "page 6 seen through a mapping of page 5" in found.detail


def test_what_a_thread_wrote_it_reads():
    wrote, read = event(HistoryCode.OWN_WRITE, 0, 2, 2, 9), event(HistoryCode.OWN_READ, 0, 3, 3, 9)
    assert not violations(history([wrote, read]))
    assert rules(history([wrote, read._replace(value=8)])) == {HistoryRule.OWN_DATA}
    assert HistoryRule.FAULT in rules(history([wrote._replace(flags=FAULT), read]))


def test_addresses_have_their_areas():
    assert HistoryRule.ADDRESS in rules(history([event(HistoryCode.KMAP, 0, 1, 2, address(3))]))
    outside = event(HistoryCode.LOCAL, 0, 1, 1, 0xC000_0000)
    assert rules(history([outside])) == {HistoryRule.ADDRESS}


def asleep(free, section=3):
    """Thread 1 sleeps for page 1 while thread 0 unmaps page 0 and is gone."""
    sleeper = PendingOperation(1, HistoryCode.KMAP, 1, 2, section, ThreadState.SLEPT)
    thread = [event(HistoryCode.KMAP, 0, 0, 1, A), event(HistoryCode.KUNMAP, 0, 4, 5, A)]
    return history(thread, [], pending=(sleeper,), outcome=HistoryOutcome.ASLEEP, free=free)


def test_a_sleeper_with_a_free_slot_has_lost_its_wake_up():
    (found,) = violations(asleep((0, 1)))
    assert (found.rule, found.window) == (HistoryRule.LOST_WAKEUP, (3, 5))
    lines = "\n".join(window_lines(asleep((0, 1)), found))
    assert "kmap(page 1), which did not return" in lines
    assert f"kunmap(page 0) at {A:#x}" in lines


def test_a_sleeper_without_a_free_slot_tells_of_counts_that_leak():
    assert rules(asleep((0, 0))) == {HistoryRule.LEAKED_SLOTS}


def test_sleepers_that_were_woken_after_all_are_no_lost_wake_up_and_no_agreement():
    slept = asleep((0, 1))
    woken = replace(slept, pending=(slept.pending[0]._replace(state=ThreadState.RUNS),))
    assert slept.complete
    assert not violations(woken)
    assert not woken.complete


def test_a_dead_thread_is_told():
    dead = PendingOperation(0, HistoryCode.KUNMAP, 4, 2, 0, ThreadState.DIED)
    assert rules(history([], pending=(dead,), outcome=HistoryOutcome.DIED)) == {HistoryRule.DIED}
