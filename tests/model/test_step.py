"""predict is step where there is one outcome; steps are pure; states read back are states."""

import pytest
from hypothesis import given, settings

from harness.model.records import vector
from harness.model.records.operation import OpCode, Operation
from harness.model.records.outcome import differences
from harness.model.records.snapshots import empty_snapshot, initial, with_foreign_slot
from harness.model.rules.step import predict, step
from tests.model.judged import state_as_seen
from tests.model.machines import LAYOUTS, small
from tests.model.programs import any_program


@pytest.mark.long
@pytest.mark.parametrize("name", LAYOUTS)
def test_predict_is_step_and_steps_are_pure(name):
    machine = small(LAYOUTS[name], tasks=(0, 0, 1, 255))

    @settings(max_examples=60, deadline=None)
    @given(any_program(machine))
    def run(program):
        state = initial(machine, empty_snapshot(machine))
        for op in program:
            copy = state._replace(windows=dict(state.windows), stale=dict(state.stale))
            outcomes = step(machine, state, op)
            assert state == copy
            assert step(machine, state, op) == outcomes
            assert predict(machine, state, op) == (outcomes[0] if len(outcomes) == 1 else None)
            if not outcomes:
                break
            assert differences(outcomes[0], outcomes[0].observation) == ()
            state = outcomes[0].state

    run()


@pytest.mark.long
@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_seen_leads_to_the_state_predicted(name):
    machine = small(LAYOUTS[name], tasks=(0, 0, 1))

    @settings(max_examples=60, deadline=None)
    @given(any_program(machine))
    def run(program):
        state = initial(machine, empty_snapshot(machine))
        for op in program:
            outcomes = step(machine, state, op)
            if not outcomes or outcomes[0].state.lost:
                break
            if outcomes[0].rule == "kunmap.bug-count":
                break  # the kernel dies with a count of 0 for a PTE; the contract counts users
            seen = state_as_seen(machine, state, op, outcomes[0].observation)
            want = outcomes[0].state
            for field in (
                "cursor",
                "zeros",
                "ones",
                "slots",
                "where",
                "waiting",
                "windows",
                "depths",
                "registers",
            ):
                assert getattr(seen, field) == getattr(want, field), (field, op)
            state = want

    run()


def test_others_mappings_are_followed():
    machine = small(slots=4)
    state = initial(machine, empty_snapshot(machine))
    state = with_foreign_slot(machine, state, 1, 2, 0x7_7000 | machine.layout.kmap_prot)
    outcome = predict(machine, state, Operation(OpCode.KMAP, 0, 0))
    assert outcome.observation.value == machine.layout.pkmap_address(2)
    assert vector.get(outcome.state.slots, 1).count == 2
