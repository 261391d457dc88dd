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


def rules(snapshot, *pages, counted=True):
    found = spoilt(LOCAL, pages, snapshot, counted=counted)
    return [reason.partition(":")[0] for reason in found]


def test_an_empty_area_and_a_used_one_are_in_order():
    assert rules(start()) == []
    used = start(
        counts=slots({3: 2}), ptes=slots({3: PTE}), page_addresses=(LOCAL.pkmap_address(3),)
    )
    assert rules(used, PAGE) == []


def test_two_slots_of_one_page():
    assert rules(start(ptes=slots({3: PTE, 5: PTE | 0x20}))) == ["two-slots"]


@pytest.mark.parametrize(("counted", "found"), [(True, ["no-pte"]), (False, [])])
def test_users_without_a_pte(counted, found):
    assert rules(start(counts=slots({3: 2})), counted=counted) == found


def test_the_address_of_a_page_that_maps_another():
    wrong = start(ptes=slots({3: PTE + 0x1000}), page_addresses=(LOCAL.pkmap_address(3),))
    assert rules(wrong, PAGE) == ["page-address"]


def test_what_is_used_twice_at_rest_is_left_over():
    used = start(cpu_depths=(0, 2), windows=((LOCAL.fix_kmap_begin + LOCAL.window, PTE),))
    assert [text[:16] for text in left_over(LOCAL, used, used)] == ["left-over: CPU 1"] * 2
    assert list(left_over(LOCAL, start(), used)) == []
    beside = start(windows=((LOCAL.fix_kmap_begin - 1, PTE),))
    assert list(left_over(LOCAL, beside, beside)) == []
