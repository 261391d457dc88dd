"""What is explored and walked, and what small searches find, is as recorded."""

from pathlib import Path

import pytest

from harness.model.records.operation import OpCode, Operation
from harness.model.rules.step import step
from harness.model.search import reach
from harness.model.search.explorer import Failure, explore
from harness.model.search.nodes import Limits
from tests.model.kinds import of_kind
from tests.model.listing import LISTINGS, SEARCHES

LISTED = Path(__file__).parent / "listed"


@pytest.mark.parametrize("name", LISTINGS)
def test_listing_is_as_recorded(name):
    old, new = (LISTED / f"{name}.txt").read_text().splitlines(), LISTINGS[name]().splitlines()
    differing = [(a, b) for a, b in zip(old, new, strict=False) if a != b][:1]
    assert not differing
    assert len(old) == len(new)


def test_branches_that_only_turn_down_are_not_reachable(monkeypatch):
    machine = of_kind("local-old-rt")
    few = [walk._replace(states=10) for walk in reach.walks(machine)]
    monkeypatch.setattr(reach, "walks", lambda machine: few)
    met = frozenset().union(*(reach.taken(walk) for walk in few))
    turned = {rule for rule in met if rule.endswith(("refused", "not-applicable"))}
    assert {"refused", "context.migrate-refused"} <= turned
    assert reach.reachable(machine) == met - turned


def test_walks_stop_at_their_limit():
    walk = next(iter(reach.walks(of_kind("local"))))
    sizes = {states: len(reach.taken(walk._replace(states=states))) for states in (1, 2, 30)}
    assert sizes[1] <= sizes[2] < sizes[30]


def test_a_limit_of_states_makes_a_search_incomplete():
    machine, limits = SEARCHES["twice"]
    whole = explore(machine, limits)
    assert whole.complete
    cut = explore(machine, Limits(limits.kmaps, states=whole.states - 1))
    assert (cut.states, cut.complete) == (whole.states - 1, False)
    assert explore(machine, Limits(limits.kmaps, states=whole.states)).complete
    assert (whole.edges, whole.nodes) == ([], [])


def test_a_failure_comes_with_its_shortest_program():
    machine, limits = SEARCHES["pkmap"]

    def forgetful(machine, state, op):
        return tuple(
            outcome._replace(observation=outcome.observation._replace(cursor=0, slots=()))
            if op.code == OpCode.KUNMAP
            else outcome
            for outcome in step(machine, state, op)
        )

    found = explore(machine, limits, steps=forgetful)
    assert isinstance(found.failure, Failure)
    assert [op.code for op in found.failure.program] == [OpCode.KMAP, OpCode.KUNMAP]
    assert found.failure.program[0] == Operation(OpCode.KMAP, 0, 0)
    assert {violation.rule for violation in found.failure.violations} == {"users"}
    assert found.states > 1
    assert found.edges == []


def test_defaults_of_a_search():
    assert Limits() == Limits(
        kmaps=2, depth=2, types=1, states=200_000, maps=(), others=(OpCode.FLUSH_UNUSED,)
    )
