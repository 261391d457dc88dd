"""Correct kernels with another policy are never newly failing, whatever evidence is missing.

The tests record what a model with the other policy does, and judge it by the unchanged model.
Bugs in such kernels are still found.
"""

import pytest

from harness.check.checked_program import CheckedKind, checked_program
from harness.compare.criteria import standard_contract
from harness.compare.divergence_log import RECORDED_MOST
from harness.compare.evidence_mask import evidence_mask
from harness.run.run_result import ProgramOutcome
from harness.trace.trace_records import End
from tests.compare.model_guest import SMALL, ModelGuest, program
from tests.model.other_kernels import KERNELS, replace

EVERYTHING = 0xFFFF
POLICIES = (
    "a bitmap of free slots",
    "the last free slot first",
    "flushes in batches",
    "flushes slot by slot",
    "flushes at the last kunmap",
    "RCU for the hash",
)
CURSOR, SCAN, RANGE, CPU, WAKE = 1 << 1, 1 << 3, 1 << 4, 1 << 5, 1 << 7
EVIDENCE = {
    "all evidence": EVERYTHING,
    "no cursor": EVERYTHING & ~CURSOR,
    "flush renamed": EVERYTHING & ~SCAN,
    "neither cursor nor any probe": EVERYTHING & ~(CURSOR | SCAN | RANGE | CPU | WAKE),
}
TURNS = """title: every slot many times, two of them held
tasks: a@0
pages: high 12
a: m10 = kmap h10
a: m11 = kmap h11
for r in 0..19 { for i in 0..9 { a: m[i] = kmap h[i]; a: kunmap h[i] } }
a: kunmap h10
a: kunmap h11
"""


def recorded(policy, monkeypatch):
    """The guest, and the steps of TURNS on a kernel with *policy*."""
    guest = ModelGuest(SMALL, program(TURNS, SMALL))
    with monkeypatch.context() as patched:
        if policy:
            replace(KERNELS[policy], patched)
        steps = list(guest.steps())
    return guest, steps


def judged(guest, steps, evidence):
    judge = guest.judge(evidence=evidence, contract=standard_contract(evidence_mask(evidence)))
    for step in steps:
        judge.step(step)
    judge.end(End(len(steps)))
    return checked_program(ProgramOutcome("turns", "", 0.0, judge.result))


@pytest.mark.parametrize("evidence", EVIDENCE.values(), ids=EVIDENCE)
@pytest.mark.parametrize("policy", POLICIES)
def test_another_policy_is_another_behaviour_to_the_end(policy, evidence, monkeypatch):
    found = judged(*recorded(policy, monkeypatch), evidence)
    assert (found.kind, found.broken) == (CheckedKind.BEHAVIOUR, ())
    assert found.unjudged == 0


@pytest.mark.parametrize("evidence", EVIDENCE.values(), ids=EVIDENCE)
def test_the_usual_policy_agrees_whatever_can_be_seen(evidence, monkeypatch):
    found = judged(*recorded("", monkeypatch), evidence)
    assert (found.kind, found.unjudged) == (CheckedKind.AGREE, 0)


@pytest.mark.parametrize("evidence", EVIDENCE.values(), ids=EVIDENCE)
@pytest.mark.parametrize("policy", ["", *POLICIES])
def test_a_bug_at_the_end_is_found_through_every_policy(policy, evidence, monkeypatch):
    """A kunmap is not counted, long after the last divergence that is stored."""
    guest, steps = recorded(policy, monkeypatch)
    late = len(steps) - 3
    assert late > 2 * RECORDED_MOST
    steps[late] = steps[late]._replace(observation=steps[late].observation._replace(slots=()))
    found = judged(guest, steps, evidence)
    assert found.kind is CheckedKind.CONTRACT
    assert "users" in found.rules


def test_without_counts_another_order_is_followed(monkeypatch):
    """PTEs and operations tell which slots are in use."""
    guest, steps = recorded("a bitmap of free slots", monkeypatch)
    found = judged(guest, steps, EVERYTHING & ~1)
    assert (found.kind, found.broken, found.unjudged) == (CheckedKind.BEHAVIOUR, (), 0)


@pytest.mark.parametrize("policy", POLICIES)
def test_without_counts_no_policy_is_failing(policy, monkeypatch):
    assert judged(*recorded(policy, monkeypatch), EVERYTHING & ~(1 | CURSOR)).broken == ()


def test_without_counts_a_wrong_page_is_still_found(monkeypatch):
    guest, steps = recorded("", monkeypatch)
    steps[6] = steps[6]._replace(
        observation=steps[6].observation._replace(pte=steps[6].observation.pte ^ 0x1000)
    )
    assert steps[6].operation.code.name == "KMAP"
    found = judged(guest, steps, EVERYTHING & ~1)
    assert found.rules == {"own-pte"}
