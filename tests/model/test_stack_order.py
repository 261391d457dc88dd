"""The per-CPU stack of 5.10: an unmap takes the top away, whatever address it is given."""

from harness.model.records.observation import WindowChange
from harness.model.records.operation import OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from tests.model.judged import check
from tests.model.machines import STACK_PAE, small

MAPS = (Operation(OpCode.KMAP_ATOMIC, page=0, reg=0), Operation(OpCode.KMAP_ATOMIC, page=1, reg=1))
FIRST = Operation(OpCode.KUNMAP_ATOMIC, reg=0)


def test_an_unmap_in_the_wrong_order_may_clear_the_entry_named():
    machine = small(STACK_PAE, tasks=(0,))
    state = initial(machine, empty_snapshot(machine))
    for op in MAPS:
        state = step(machine, state, op)[0].state
    bottom, top = sorted(index for index, _ in state.windows.items())
    seen = step(machine, state, FIRST)[0].observation
    assert seen.windows == (WindowChange(top, 0),)
    assert check(machine, state, FIRST, seen) == ()
    named = seen._replace(pte=0, windows=(WindowChange(bottom, 0),))
    assert check(machine, state, FIRST, named) == ()


def test_an_entry_below_the_top_that_is_none_is_not_flushed_early():
    machine = small(STACK_PAE, tasks=(0,))
    state = initial(machine, empty_snapshot(machine))
    for op in MAPS:
        state = step(machine, state, op)[0].state
    bottom = min(index for index, _ in state.windows.items())
    gone = state._replace(
        windows={index: pte for index, pte in state.windows.items() if index != bottom}
    )
    assert step(machine, state, FIRST)[0].observation.flush_dirty == 0
    assert step(machine, gone, FIRST)[0].observation.flush_dirty == 0
