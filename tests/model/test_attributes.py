"""Attributes of a page and its aliases: what each change must show."""

import pytest

from harness.model.contract import contract_flush
from harness.model.records.attribute import AttributeFound, found_words
from harness.model.records.observation import Status
from tests.model.judged import check, detail, run

pytestmark = pytest.mark.judges("attributes", "contract_flush")

LOW, HIGH = 4, 0
RO, NOCACHE, WC = "RO", "NOCACHE", "WC"


def changed(page, prot):
    return run("local", f"0 ATTRIBUTE page={page} prot={prot}")


@pytest.mark.parametrize(
    ("page", "prot", "words"),
    [
        (LOW, NOCACHE, "direct, restored; stores by direct map and alias on 2 and 2 CPUs"),
        (LOW, WC, "direct, restored; stores by direct map and alias on 2 and 2 CPUs"),
        (LOW, RO, "direct, alias, restored; stores by direct map and alias on 0 and 0 CPUs"),
        (HIGH, RO, "alias, restored; stores by direct map and alias on 0 and 0 CPUs"),
    ],
)
def test_what_a_change_shows(page, prot, words):
    seen = changed(page, prot)
    assert seen.seen.status is Status.OK
    assert found_words(seen.seen.value) == words
    assert check(*seen) == ()


def test_only_the_direct_map_knows_how_a_page_is_cached():
    for page, prot in ((HIGH, NOCACHE), (HIGH, WC), (LOW, "KERNEL"), (LOW, "EXEC")):
        assert changed(page, prot).seen.status is Status.REFUSED


def test_a_store_by_an_old_translation_breaks_the_contract():
    seen = changed(LOW, RO)
    stale = seen.but(value=seen.seen.value | 1 << 8)
    assert [one.rule for one in check(*stale)] == ["aliases"]
    assert detail(contract_flush.aliases, stale) == [
        "direct, alias, restored; stores by direct map and alias on 1 and 0 CPUs;"
        " allowed: direct, alias, restored; stores by direct map and alias on 0 and 0 CPUs"
    ]
    assert found_words(int(AttributeFound.ERROR)).startswith("error; ")
    assert found_words(0).startswith("nothing; ")
