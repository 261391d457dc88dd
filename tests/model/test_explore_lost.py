"""A search does not go on where the model knows nothing more."""

import pytest

from harness.model.records.operation import OpCode
from harness.model.rules.step import step
from harness.model.search.explorer import Exploration, explore
from harness.model.search.nodes import Limits
from tests.model.machines import small


@pytest.mark.judges("explorer")
def test_nothing_is_tried_in_a_lost_state():
    def steps(machine, state, op):
        assert not state.lost
        outcomes = step(machine, state, op)
        if op.code != OpCode.SLEEP:
            return outcomes
        return tuple(
            one._replace(state=one.state._replace(lost="so", depths=(1, 1))) for one in outcomes
        )

    found = explore(
        small(slots=1, high=1, low=0, tasks=(0,)),
        Limits(kmaps=0, others=(OpCode.SLEEP,)),
        steps=steps,
    )
    assert (found.failure, found.states, found.steps) == (None, 1, 1)


@pytest.mark.judges("explorer")
def test_a_search_begins_with_nothing():
    assert Exploration() == Exploration(0, 0, {}, None, True, [], [])
