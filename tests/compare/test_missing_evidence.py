"""What a guest does not show: names, rules that go with it, and what may hide then."""

from harness.base import project
from harness.compare.evidence_mask import FULL
from harness.compare.missing_evidence import (
    BLINDNESS,
    blindness_words,
    missing_evidence,
    table,
)
from harness.compare.plausibility import LostEvidence
from harness.guest.protocol import Evidence


def test_what_the_guest_lacks_and_what_was_found_to_be_none_is_missing():
    assert missing_evidence(0xFFFF) == ()
    assert missing_evidence(0xFFFF & ~Evidence.WARN) == ("WARN",)
    lost = LostEvidence(frozenset({"waiters", "wakes"}), "nobody waits there")
    assert missing_evidence(0xFFFF, (lost,)) == ("WAITERS", "WAKE")


def test_each_kind_of_evidence_hides_something():
    assert set(BLINDNESS) == set(Evidence)
    assert all(one & FULL or one is Evidence.PRINTK for one in BLINDNESS)


def test_a_report_says_what_was_not_judged_and_what_could_hide():
    assert list(blindness_words(("COUNTS", "CURSOR"))) == [
        "without counts not judged: users",
        "without counts could hide: users miscounted, until a slot is taken away in use or none is"
        " left",
        "without cursor could hide: a search that begins at another slot",
    ]
    assert all(len(line) < 96 for line in blindness_words(one.name for one in Evidence))


def test_the_docs_have_the_table_as_it_is():
    lines = (project.SCENARIOS.parents[1] / "docs" / "contract.md").read_text().splitlines()
    wanted = list(table())
    at = lines.index(wanted[0])
    assert lines[at : at + len(wanted)] == wanted
