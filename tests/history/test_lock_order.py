"""The replay explains a correct kernel to the last count, and none of its changes."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.guest.history_wire import HistoryCode
from harness.history.explanation import violations
from harness.history.lock_order import replay
from harness.history.overlap import overlap
from tests.history.kernel import run
from tests.history.small import address


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1 << 30), st.integers(2, 3))
def test_a_right_kernel_is_explained(seed, threads):
    one = run(seed, threads)
    found = replay(one)
    assert (found.odd, found.undecided) == ("", 0)
    assert not violations(one)


def changed(one, **fields):
    """The history with the last kmap otherwise than it was."""
    thread, number = max(
        (event.returned, thread, number)
        for thread, events in enumerate(one.events)
        for number, event in enumerate(events)
        if event.code == HistoryCode.KMAP
    )[1:]
    events = [list(each) for each in one.events]
    events[thread][number] = events[thread][number]._replace(**fields)
    return replace(one, events=tuple(tuple(each) for each in events))


def test_another_slot_is_told_even_where_the_contract_allows_it():
    one = run(1)
    last = max(
        (e for each in one.events for e in each if e.code == HistoryCode.KMAP),
        key=lambda e: e.returned,
    )
    other = next(address(slot) for slot in range(3) if address(slot) != last.value)
    assert "is next" in replay(changed(one, value=other)).odd


def test_counts_and_cursor_at_the_end_are_compared():
    one = run(2)
    assert "the cursor ended" in replay(replace(one, cursors=(0, one.cursors[1] + 1))).odd
    slot = one.after[0]
    wrong = (slot._replace(pkmap_count=slot.pkmap_count + 1), *one.after[1:])
    assert "slot 0 ended with count" in replay(replace(one, after=wrong)).odd


def test_without_cursor_and_counts_nothing_is_replayed():
    one = replace(run(2), cursors=(7, 7))
    assert replay(one).odd
    found = replay(one, known=False)
    assert (found.odd, found.sections) == ("", 0)
    assert found.undecided


def test_a_sleep_with_a_slot_free_is_told():
    one = run(3)
    first = one.events[0][0]
    early = first._replace(code=HistoryCode.SECTION, invoked=0, returned=0, ordered=first.ordered)
    assert (
        "slept for want of a slot" in replay(replace(one, events=((early,), *one.events[1:]))).odd
    )


@pytest.mark.parametrize("fields", [{"witnessed": False}, {"dropped": 1}])
def test_without_its_witness_nothing_is_said(fields):
    one = run(4)
    found = replay(replace(one, **fields))
    assert (found.sections, found.odd) == (0, "")
    assert found.undecided


def test_what_others_did_with_the_lock_is_no_divergence():
    one = replace(changed(run(5), value=address(2)), foreign=1)
    found = replay(one)
    assert not found.odd


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 1 << 30))
def test_overlap_is_that_of_all_pairs(seed):
    one = run(seed)
    spans = [
        (e.invoked, e.returned)
        for each in one.events
        for e in each
        if e.code != HistoryCode.SECTION
    ]
    pairs = sum(any(a != b and a[0] < b[1] and b[0] < a[1] for b in spans) for a in spans)
    assert overlap(one).overlapped == pairs
