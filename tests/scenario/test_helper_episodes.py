"""Random calls of page helpers keep the helpers' rules, and reach the edges of pages."""

from random import Random

import pytest

from harness.model.records.helper import HELPERS, HelperFlag, helper_call
from harness.model.records.layout import PAGE_SIZE
from harness.model.records.machine import machine
from harness.model.records.operation import OpCode
from harness.model.records.page import PageKind
from harness.model.rules.helper_pages import senseless_call
from harness.scenario.helper_episodes import helper
from harness.scenario.ledger import Ledger
from tests.compare.model_guest import LOCAL, STACK, pages_of

FOLIOS = ((PageKind.HIGH, 4), (PageKind.LOW, 2), (PageKind.FOLIO, 8))
PLAIN = FOLIOS[:2]
NEWEST, OLDEST = 0xFF7FF, 0xF8F


def calls(pools, helpers, seed, count=3000):
    layout = LOCAL if pools is FOLIOS else STACK
    kinds = tuple(kind for kind, number in pools for _ in range(number))
    ledger = Ledger(layout, (0, 1), kinds, Random(seed))
    for turn in range(count):
        helper(ledger, turn % 2, helpers)
    return machine(layout, pages_of(pools), (0, 1)), ledger.operations


@pytest.mark.parametrize(
    ("pools", "helpers"), [(FOLIOS, NEWEST), (PLAIN, OLDEST)], ids=["folios", "pages"]
)
def test_calls_are_never_turned_down(pools, helpers):
    guest, made = calls(pools, helpers, 1)
    assert {op.code for op in made} == {OpCode.HELPER}
    assert [op for op in made if senseless_call(guest, op)] == []
    assert {op.task for op in made} == {0, 1}


def test_every_helper_of_the_kernel_is_called_and_no_other():
    for pools, helpers in ((FOLIOS, NEWEST), (PLAIN, OLDEST)):
        _, made = calls(pools, helpers, 2)
        met = {helper_call(op).number for op in made}
        assert met == {number for number in HELPERS if helpers >> number & 1}


def test_ranges_reach_the_edges():
    """Empty ranges, those that end before they begin, those that cross pages, whole folios."""
    guest, made = calls(FOLIOS, NEWEST, 3)
    found = [helper_call(op) for op in made]
    ranges = [one for one in found if HelperFlag.SEGMENT in one.kind.flags]
    assert any(one.first > one.length for one in ranges)
    assert any(one.first < PAGE_SIZE < one.length for one in ranges)
    copies = [one for one in found if HelperFlag.COPIES in one.kind.flags]
    assert {one.length for one in copies} >= {0, 1, PAGE_SIZE - 1}
    assert any(one.first + one.length > PAGE_SIZE for one in copies)
    assert any(not guest.pages[one.page].highmem for one in found)
    assert len({one.byte for one in found}) > 10
