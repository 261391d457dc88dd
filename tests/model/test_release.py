"""kunmap: what is seen of it, whom it wakes, and where the model says nothing of the woken."""

import pytest

from harness.model.records.observation import Status
from harness.model.rules.step import step
from tests.model.judged import run
from tests.model.kinds import of_kind

pytestmark = pytest.mark.judges("release")

PTE = of_kind("local").ptes
KMAP = "0 KMAP page=0 reg=1"
FULL = "0 KMAP page=0 reg=1; 0 KMAP page=1 reg=2; 0 KMAP page=2 reg=3"
NEIGHBOUR, ELSEWHERE = f"{FULL}; 1 KMAP page=3 reg=4", f"{FULL}; 2 KMAP page=3 reg=4"
KUNMAP = "0 KUNMAP page=0"


def outcomes(kind, program):
    at = run(kind, program)
    return step(at.machine, at.before, at.op)


def rules(kind, program):
    return [outcome.rule for outcome in outcomes(kind, program)]


def test_lowmem_pages_have_no_mapping_to_release():
    (outcome,) = outcomes("local", "0 KMAP page=4 reg=1; 0 KUNMAP page=4")
    assert (outcome.rule, outcome.observation.status, outcome.observation.pte) == (
        "kunmap.lowmem",
        Status.OK,
        -1,
    )


def test_the_pte_is_that_of_the_mapping_released():
    (outcome,) = outcomes("local", f"{KMAP}; {KUNMAP}")
    assert (outcome.rule, outcome.observation.pte, outcome.observation.wakes) == (
        "kunmap.last",
        PTE[0],
        0,
    )


def test_on_rt_the_address_cannot_be_asked_for_in_an_atomic_section():
    told = {
        kind: outcomes(kind, f"{KMAP}; 0 PREEMPT_OFF; {KUNMAP}")[0]
        for kind in ("local", "local-rt")
    }
    assert (told["local"].observation.pte, told["local-rt"].observation.pte) == (PTE[0], 0)
    assert outcomes("local-rt", f"{KMAP}; {KUNMAP}")[0].observation.pte == PTE[0]


def test_who_waits_is_woken_and_has_the_slot():
    for kind in ("local", "local-rt"):
        (outcome,) = outcomes(kind, f"{NEIGHBOUR}; {KUNMAP}")
        assert (outcome.rule, outcome.observation.wakes) == ("kunmap.wake+win", 1)
        assert [done.task for done in outcome.observation.done] == [1]
        assert outcome.state.waiting == ()


def test_who_waits_for_a_slot_is_not_woken_while_the_page_has_another_user():
    (outcome,) = outcomes("local", f"{KMAP}; {NEIGHBOUR}; {KUNMAP}")
    assert (outcome.rule, outcome.observation.wakes, outcome.state.waiting) == (
        "kunmap.shared",
        0,
        (1,),
    )


def test_nothing_is_said_of_a_lock_that_a_dead_task_holds():
    assert outcomes("local", f"{KMAP}; 1 KUNMAP page=1; {KUNMAP}") == ()
    assert rules("local", f"{KMAP}; 1 KUNMAP page=1; 0 KUNMAP page=4") == ["kunmap.lowmem"]


@pytest.mark.parametrize(
    ("kind", "section", "names"),
    [
        ("local", "PREEMPT_OFF", ["kunmap.wake+win"]), ("local", "IRQ_OFF", []),
        ("local-rt", "PREEMPT_OFF", []),
        ("local-rt", "IRQ_OFF", []), ("stack", "PREEMPT_OFF", ["kunmap.wake+win"]),
        ("stack", "IRQ_OFF", []),
    ],
)  # fmt: skip
def test_in_a_section_that_holds_up_the_woken_nothing_is_said_of_them(kind, section, names):
    assert rules(kind, f"{ELSEWHERE}; 0 {section}; {KUNMAP}") == names
    assert rules(kind, f"{FULL}; 0 {section}; {KUNMAP}") == ["kunmap.last"]
