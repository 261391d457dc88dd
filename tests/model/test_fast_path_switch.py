"""The fast path where a task comes back to a stack that has a hole, or has no stack."""

import pytest

from harness.model.fast.fast_path import allowed, plain
from harness.model.records import vector
from harness.model.records.operation import OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from tests.model.kinds import of_kind

BACK = [
    Operation(code, 0, 0, 5)
    for code in (OpCode.NOP, OpCode.SLEEP, OpCode.KMAP, OpCode.KMAP_LOCAL, OpCode.READ)
]


@pytest.mark.judges("fast_path")
@pytest.mark.parametrize("kind", ["local", "local-rt", "local-debug"])
@pytest.mark.parametrize("hole", [None, 0, 1])
def test_a_hole_is_not_plain(kind, hole):
    machine = of_kind(kind)
    state = initial(machine, empty_snapshot(machine))
    maps = [Operation(OpCode.KMAP_LOCAL, 0, depth, 1 + depth) for depth in range(2)]
    for op in (*maps, Operation(OpCode.NOP, 2)):
        state = step(machine, state, op)[0].state
    if hole is not None:
        first = state.tasks[0]
        saved = vector.replaced(first.saved, machine.increment * (hole + 1) - 1, 0)
        state = state._replace(tasks=(first._replace(saved=saved), *state.tasks[1:]))
    answers = [plain(machine, state, op) for op in BACK]
    said = [
        (answer,) == step(machine, state, op)
        for answer, op in zip(answers, BACK, strict=True)
        if answer
    ]
    assert said == ([True] * 3 if hole is None else [])


@pytest.mark.judges("fast_path")
@pytest.mark.parametrize("kind", ["local", "local-rt", "local-debug"])
def test_an_unmap_with_nothing_mapped_is_not_plain(kind):
    machine = of_kind(kind)
    entry = machine.layout.window_index(1, 0) - 1
    state = initial(machine, empty_snapshot(machine)).with_window(entry, machine.ptes[0])
    state = state._replace(tasks=tuple(task._replace(migrate=1) for task in state.tasks))
    op = Operation(OpCode.KUNMAP_LOCAL, 2, reg=1, offset=machine.layout.fixaddr(entry))
    assert step(machine, state, op)[0].rule == "local.bug-underflow"
    assert plain(machine, state, op) is None


@pytest.mark.judges("fast_path")
@pytest.mark.parametrize(
    ("code", "fast"), [(OpCode.NOP, True), (OpCode.PREEMPT_OFF, False), (OpCode.FORK, False)]
)
def test_what_is_not_plain_is_asked_of_step(code, fast):
    machine = of_kind("local")
    state, op = initial(machine, empty_snapshot(machine)), Operation(code)
    assert (plain(machine, state, op) is not None) is fast
    assert allowed(machine, state, op) == step(machine, state, op)
