"""The claims: each verdict follows from what was seen, also where a kernel would do otherwise."""

from dataclasses import replace

import pytest

from harness.claims import atomic, persistent
from harness.claims.claim import CLAIMS
from harness.claims.claim_finding import ClaimVerdict
from harness.claims.claim_programs import (
    ClaimEvidence,
    full,
    sleeper,
    steps_by_name,
    turn,
    typed,
    windows,
)
from harness.claims.gather import instructions
from harness.claims.judged_claim import judge_claims
from harness.claims.recorded import recorded
from harness.claims.typed_claims import TYPED_CHECKS
from harness.guest.steps import StepRecord
from harness.model.records.machine import machine
from harness.model.records.observation import Observation, Status
from harness.model.records.page import Page, PageKind
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from harness.model.search.standard_machines import LOCAL, LOCAL_RT, STACK
from harness.report.claims_report import claims_lines, claims_value

LAYOUTS = {
    "local": LOCAL._replace(fixaddr_start=0xFFDB_8000),
    "local-rt": LOCAL_RT._replace(fixaddr_start=0xFFDB_8000),
    "stack": STACK._replace(fixaddr_start=0xFFD3_8000),
}


def records(layout, script):
    """What a correct kernel shows of *script*: the model's first outcome of each step."""
    pages = [Page(0x9000 + n, PageKind.HIGH, n % 128) for n in range(layout.last_pkmap + 3)]
    subject = machine(layout, (*pages, Page(0x1000, PageKind.LOW, 255)), (0, 1, 0))
    state, found = initial(subject, empty_snapshot(subject)), []
    for number, operation in enumerate(script.operations):
        outcome = step(subject, state, operation)[0]
        state = outcome.state
        found.append(record(number, operation, outcome.observation))
    return steps_by_name(script, found)


def record(number, operation, observation: Observation):
    return StepRecord(number, operation.code, operation.task, observation, 100, 0, 0)


def seen_on(layout):
    low = layout.last_pkmap + 3
    scripts = [turn(layout, low), full(layout), windows(low), typed()]
    if layout.generation.value == "local":
        scripts.append(sleeper())
    steps = {name: found for script in scripts for name, found in records(layout, script).items()}
    died = steps["lowmem"][0]._replace(
        observation=steps["lowmem"][0].observation._replace(status=Status.DIED)
    )
    counted = {"kmap": 200, "kunmap": 200, "kmap_atomic": 150, "kunmap_atomic": 150}
    return ClaimEvidence(
        layout, "x", {**steps, "too-many": (died,), "onto-occupied": (died,)}, counted, False
    )


@pytest.fixture(scope="module", params=LAYOUTS)
def seen(request):
    return seen_on(LAYOUTS[request.param])


def changed_step(seen, name, at=0, **fields):
    steps = list(seen.steps[name])
    steps[at] = steps[at]._replace(observation=steps[at].observation._replace(**fields))
    return replace(seen, steps={**seen.steps, name: tuple(steps)})


def test_a_correct_kernel_is_as_recorded(seen):
    judged = judge_claims(seen)
    assert len(judged) == len(CLAIMS) == 23
    assert [one.claim.number for one in judged if one.differs] == []
    assert all(one.finding.evidence for one in judged)
    assert {one.claim.number for one in judged if one.typed} == set(TYPED_CHECKS)
    assert "AS RECORDED" in list(claims_lines("x", "local", judged))[-1]
    assert claims_value("x", "local", judged)["as_recorded"]


def test_every_kind_records_every_claim():
    assert set(recorded()) == set(LAYOUTS)
    assert all(len(verdicts) == len(CLAIMS) for verdicts in recorded().values())


@pytest.mark.parametrize(
    ("check", "name", "fields", "verdict"),
    [
        (persistent.lowmem_and_highmem, "lowmem", {"value": 0xFF00_1000}, ClaimVerdict.FALSE),
        (persistent.sleeps_until_unmap, "sleep", {"status": Status.OK}, ClaimVerdict.FALSE),
        (persistent.no_flush_on_map, "fresh", {"flush_cpus": 2}, ClaimVerdict.FALSE),
        (persistent.never_below_one, "too-many", {"status": Status.OK}, ClaimVerdict.FALSE),
        (persistent.tlb_flush, "flush-none", {"flush_ranges": 1}, ClaimVerdict.HOLDS),
        (persistent.invoked_at_the_beginning, "sleep", {"flush_ranges": 1}, ClaimVerdict.HOLDS),
        (persistent.full_scan, "held", {"status": Status.FAULT}, ClaimVerdict.FALSE),
        (persistent.sleeps_when_full, "sleep", {"status": Status.OK}, ClaimVerdict.FALSE),
        (atomic.index_formula, "atomic-1", {"value": 0xFFFB_0000}, ClaimVerdict.FALSE),
        (atomic.unmapped_by_type, "atomic-unmap-0", {"pte": 5}, ClaimVerdict.FALSE),
        (atomic.overwritten, "onto-occupied", {"status": Status.OK}, ClaimVerdict.HOLDS),
        (TYPED_CHECKS[16], "typed-other", {"status": Status.OK}, ClaimVerdict.FALSE),
        (TYPED_CHECKS[17], "typed-1", {"value": 0xC890_0000}, ClaimVerdict.FALSE),
        (TYPED_CHECKS[20], "typed-read", {"value": 0x4444}, ClaimVerdict.HOLDS),
        (TYPED_CHECKS[21], "typed-wrong", {"pte": 0}, ClaimVerdict.FALSE),
    ],
)
def test_another_kernel_is_another_verdict(check, name, fields, verdict, seen):
    assert check(changed_step(seen, name, **fields)).verdict is verdict


def test_a_kernel_that_differs_is_said(seen):
    judged = judge_claims(changed_step(seen, "fresh", flush_cpus=2))
    assert [one.claim.number for one in judged if one.differs] == [5]
    assert "DIFFERS from the record: 5" in list(claims_lines("x", "local", judged))[-1]


def test_slower_is_not_faster():
    slow = replace(
        seen_on(LAYOUTS["stack"]),
        instructions={"kmap": 1, "kunmap": 1, "kmap_atomic": 2, "kunmap_atomic": 2},
    )
    assert atomic.atomic_and_faster(slow).verdict is ClaimVerdict.CHANGED


def test_instructions_are_ticks_less_those_of_nothing():
    def steps(*cycles):
        return tuple(StepRecord(0, 0, 0, None, ticks, 0, 0) for ticks in cycles)

    assert instructions({"nop": steps(80, 80, 88), "kmap": steps(880, 8000, 880)}) == {"kmap": 100}
