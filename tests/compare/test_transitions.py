"""Transition coverage: the record is what exploration finds, and nothing else is taken."""

import tomllib
from random import Random

import pytest

from harness.compare.transitions import RECORDED, exclusions, kind_of, possible, transitions
from harness.model.records.machine import machine
from harness.model.records.operation import OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from harness.model.search.reach import reachable, walks
from harness.model.search.standard_machines import KINDS, LOCAL, STACK

KIND = {kind_of(machine(layout, (), ())): layout for layout in KINDS}


def test_every_kind_is_recorded():
    assert set(tomllib.loads(RECORDED.read_text())) == set(KIND)
    assert len(KIND) == len(KINDS)


@pytest.mark.long
@pytest.mark.thirds
@pytest.mark.parametrize("kind", KIND)
def test_recorded_branches_are_those_that_exploration_finds(kind):
    subject = machine(KIND[kind], (), ())
    assert possible(subject) == reachable(subject)


@pytest.mark.parametrize("layout", [LOCAL, STACK], ids=["local", "stack"])
def test_random_misuse_takes_no_branch_that_is_not_recorded(layout):
    """Deeper than the walks go, over their alphabets put together."""
    random = Random(5)
    known = possible(machine(layout, (), ())) | {"refused", "not-applicable"}
    for walk in walks(machine(layout, (), ())):
        alphabet = [*walk.alphabet, Operation(OpCode.NOP), Operation(OpCode.KMAP_TO_PAGE, reg=2)]
        for _ in range(20):
            state = initial(walk.machine, empty_snapshot(walk.machine))
            for _ in range(60):
                outcomes = step(walk.machine, state, random.choice(alphabet))
                assert {one.rule for one in outcomes} <= known | {
                    one.rule for one in outcomes if one.rule.endswith("refused")
                }
                if not outcomes:
                    break
                state = random.choice(outcomes).state


def test_coverage_counts_what_was_taken():
    found = transitions(LOCAL, {"kmap.above": 3, "kunmap.last": 0, "typed.unmap": 1, "refused": 2})
    assert found.reached == {"kmap.above"}
    assert "kunmap.last" in found.missing
    assert found.unforeseen == {"typed.unmap"}
    assert found.possible == len(possible(machine(LOCAL, (), ()))) - len(found.excluded)


def test_exclusions_name_branches_that_exist():
    for one in exclusions():
        assert one.reason
        for kind in one.kinds:
            assert one.rule in possible(machine(KIND[kind], (), ()))
