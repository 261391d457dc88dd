"""Behaviour implies contract; contract mutations fail, other policies pass."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from tests.model.judged import check
from tests.model.machines import LAYOUTS, small
from tests.model.programs import any_program


def let_go(machine, task):
    """Whether the task may leave its CPU and its mappings behind, by a mistake of its own.

    kunmap_atomic() of RT kernels ends a migrate_disable() that kmap_local_page() has not begun
    (include/linux/highmem-internal.h, 5.11 on).
    """
    return machine.layout.rt and task.depth > 0 and task.migrate <= 0


@pytest.mark.long
@pytest.mark.parametrize("name", LAYOUTS)
def test_behaviour_implies_contract(name):
    machine = small(LAYOUTS[name], tasks=(0, 0, 1, 255))

    @settings(max_examples=150, deadline=None)
    @given(any_program(machine), st.integers(0, 11))
    def run(program, pick):
        state = initial(machine, empty_snapshot(machine))
        for op in program:
            outcomes = step(machine, state, op)
            for outcome in outcomes:
                assert check(machine, state, op, outcome.observation) == (), (op, outcome, state)
            if not outcomes:
                break
            state = outcomes[pick % len(outcomes)].state
            if any(let_go(machine, task) for task in state.tasks):
                break

    run()
