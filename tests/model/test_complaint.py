"""What a kernel with DEBUG_ATOMIC_SLEEP may say: to what might sleep, where nothing may."""

import pytest

from harness.model.records.operation import OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import Context
from harness.model.rules.complaint import may_complain
from tests.model.machines import LOCAL_PAE, small

SECTIONS = {
    "none": {},
    "preemption off": {"preempt": 1},
    "interrupts off": {"irqs_off": True},
    "in an interrupt": {"contexts": (Context(hard=True, remaining=1, irqs_off=False),)},
}
SLEEPING = (OpCode.KMAP, OpCode.KUNMAP)


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("code", [*SLEEPING, OpCode.KMAP_ATOMIC, OpCode.NOP])
def test_it_may_complain_of_what_might_sleep_in_a_section(debug, section, code):
    machine = small(LOCAL_PAE._replace(debug_atomic_sleep=debug), tasks=(0, 0))
    state = initial(machine, empty_snapshot(machine))
    there = state.tasks[1]._replace(**SECTIONS[section])
    state = state._replace(tasks=(state.tasks[0], there))
    wanted = debug and code in SLEEPING and section != "none"
    assert may_complain(machine, state, Operation(code, task=1, page=0)) is wanted
    assert not may_complain(machine, state, Operation(code, task=0, page=0))
