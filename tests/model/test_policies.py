"""Correct kernels of another making keep the contract: the first layer is not a mirror of this
code.
"""

from dataclasses import replace as replace_field

import pytest

from harness.model.records import vector
from harness.model.records.operation import OpCode, Operation
from harness.model.records.outcome import differences
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules import pkmap
from harness.model.rules.step import predict, step
from harness.model.search.explorer import explore
from tests.model.judged import check
from tests.model.machines import small
from tests.model.other_kernels import KERNELS, replace, scan_from_zero, steps_of

_CASES = [
    pytest.param(name, number, id=f"{name}-{number}")
    for name, kernel in KERNELS.items()
    for number in range(len(kernel.machines))
]


@pytest.mark.long
@pytest.mark.thirds
@pytest.mark.parametrize(("name", "number"), _CASES)
def test_another_kernel_keeps_the_contract(name, number, monkeypatch):
    kernel = KERNELS[name]
    replace(kernel, monkeypatch)
    machine, limits = kernel.machines[number]
    found = explore(machine, limits, steps=steps_of(kernel), blind=kernel.blind)
    assert found.failure is None, found.failure
    assert found.states > 50


@pytest.mark.parametrize("name", KERNELS)
def test_it_is_another_kernel(name, monkeypatch):
    """Somewhere within a few states of the start it does what the model does not."""
    kernel = KERNELS[name]
    machine, limits = kernel.machines[0]
    usual = _behaviour(machine, limits, step)
    replace(kernel, monkeypatch)
    assert _behaviour(machine, limits, steps_of(kernel)) != usual


def _behaviour(machine, limits, steps):
    seen = []

    def watched(*step_of):
        outcomes = steps(*step_of)
        seen.extend(one.observation for one in outcomes)
        return outcomes

    explore(machine, replace_field(limits, states=60), steps=watched)
    return seen


def test_it_is_still_another_behaviour(monkeypatch):
    machine = small(slots=4)
    start = initial(machine, empty_snapshot(machine))
    op = Operation(OpCode.KMAP, 0, 0)
    usual = predict(machine, start, op)
    monkeypatch.setattr(pkmap, "find_slot", scan_from_zero)
    other = predict(machine, start, op)
    assert differences(usual, other.observation) == ("value", "page_address", "cursor", "slots")
    monkeypatch.undo()
    assert check(machine, start, op, other.observation) == ()
    assert vector.get(other.state.slots, 0).count == 2
