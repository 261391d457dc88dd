"""What no correct kernel leaves at rest, found in whole states."""

import pytest

from harness.compare.rest_state import left_over, spoilt
from harness.model.records.machine import machine
from harness.model.records.page import Page, PageKind
from harness.model.records.snapshots import empty_snapshot
from tests.compare.model_guest import LOCAL

PAGE = Page(0x1234, PageKind.HIGH, 0)
PTE = 0x1234 << 12 | 0x163


def start(**changes):
    return empty_snapshot(machine(LOCAL, (), (0,)))._replace(**changes)


def slots(changes, size=LOCAL.last_pkmap):
    return tuple(changes.get(slot, 0) for slot in range(size))


def rules(snapshot, *pages):
    return [reason.partition(":")[0] for reason in spoilt(LOCAL, pages, snapshot)]


def test_an_empty_area_and_a_used_one_are_in_order():
    assert rules(start()) == []
    used = start(
        counts=slots({3: 2}), ptes=slots({3: PTE}), page_addresses=(LOCAL.pkmap_address(3),)
    )
    assert rules(used, PAGE) == []


@pytest.mark.parametrize(
    ("counts", "found"), [({3: 2, 5: 2}, ["two-slots"]), ({3: 1, 5: 2}, []), ({}, [])]
)
def test_two_slots_of_one_page_that_has_users_at_both(counts, found):
    both = slots({3: PTE, 5: PTE | 0x20})
    assert rules(start(counts=slots(counts), ptes=both)) == found


def test_users_without_a_pte():
    assert rules(start(counts=slots({3: 2}))) == ["no-pte"]


@pytest.mark.parametrize("address", [0, LOCAL.pkmap_address(4)])
@pytest.mark.parametrize(("count", "found"), [(2, ["page-address"]), (1, [])])
def test_the_address_of_a_page_is_where_its_users_have_it(address, count, found):
    wrong = start(counts=slots({3: count}), ptes=slots({3: PTE}), page_addresses=(address,))
    assert rules(wrong, PAGE) == found


def test_what_is_used_twice_at_rest_is_left_over():
    used = start(cpu_depths=(0, 2), windows=((LOCAL.fix_kmap_begin + LOCAL.window, PTE),))
    assert [text[:16] for text in left_over(LOCAL, used, used)] == ["left-over: CPU 1"] * 2
    assert list(left_over(LOCAL, start(), used)) == []
    beside = start(windows=((LOCAL.fix_kmap_begin - 1, PTE),))
    assert list(left_over(LOCAL, beside, beside)) == []
