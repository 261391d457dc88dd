"""What the kernel's own users leave in pkmap while processes run is no divergence."""

import pytest

from harness.compare.kernel_users import explain_with_processes
from harness.model.records import vector
from harness.model.records.observation import SlotChange
from harness.model.records.operation import OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.workload import workload_operation
from harness.model.rules.step import predict, step
from tests.model.kinds import of_kind

MACHINE = of_kind("stack")
FOREIGN = 0x7777163
OURS = MACHINE.pte(1, 0)
ADDRESS = MACHINE.layout.pkmap_address(0)


def after(*operations):
    state = initial(MACHINE, empty_snapshot(MACHINE))
    for operation in operations:
        state = predict(MACHINE, state, operation).state
    return state


def explained(state, *changes, cursor=0, **fields):
    """The state after a workload in which *changes* were seen, or None."""
    (outcome,) = step(MACHINE, state, workload_operation(4, 1))
    seen = outcome.observation._replace(slots=changes, cursor=cursor, **fields)
    found = explain_with_processes(MACHINE, state, outcome, seen)
    return found.state if found else None


def test_a_slot_that_was_given_back_is_taken_over():
    state = explained(after(), SlotChange(0, 1, FOREIGN, ADDRESS))
    assert vector.get(state.slots, 0) == (1, FOREIGN)
    assert state.cursor == 0


def test_a_flush_takes_our_unused_slots_along():
    used = after(Operation(OpCode.KMAP, page=1, reg=1), Operation(OpCode.KUNMAP, page=1))
    state = explained(used, SlotChange(1, 0, 0, 0), flush_scans=1, flush_ranges=1)
    assert vector.get(state.slots, 1) == (0, 0)
    assert vector.get(state.where, 1) == 0


@pytest.mark.parametrize(
    "change",
    [
        SlotChange(0, 2, FOREIGN, ADDRESS),
        SlotChange(0, 1, OURS, ADDRESS),
        SlotChange(0, 1, 0, 0),
        SlotChange(1, 0, 0, 0),
        SlotChange(1, 1, OURS, MACHINE.layout.pkmap_address(1)),
    ],
    ids=["in use", "our page", "no page", "ours, flushed", "ours, given back"],
)
def test_anything_else_is_not(change):
    assert explained(after(Operation(OpCode.KMAP, page=1, reg=1)), change) is None
