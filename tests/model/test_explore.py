"""A search step by step: what is tried in a state, what tasks then hold, which states count as
the same.
"""

import pytest

from harness.model.records.operation import Base, OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from harness.model.search.explorer import explore, unheld
from harness.model.search.nodes import Held, Holding, Limits, Node, follow, key, operations
from tests.model import render
from tests.model.machines import LOCAL_DEBUG, STACK_PAE, small

pytestmark = pytest.mark.judges("explorer")

MACHINE = small(slots=2, high=3, low=1, tasks=(0, 0, 1))
DEBUG = small(LOCAL_DEBUG, slots=2, high=2, low=1, tasks=(0, 0, 1))
STACK = small(STACK_PAE, slots=2, high=2, low=1, tasks=(0, 0, 1))
LOW = 3
LOCALLY, ATOMICALLY = OpCode.KMAP_LOCAL, OpCode.KMAP_ATOMIC
UNMAP = OpCode.KUNMAP_LOCAL


def after(*ops, machine=MACHINE):
    """The node after a program."""
    node = Node(initial(machine, empty_snapshot(machine)), (Holding(),) * len(machine.tasks))
    for op in ops:
        node = follow(node, op, step(machine, node.state, op)[0])
    return node


def kmap(task, page):
    return Operation(OpCode.KMAP, task, page)


def kunmap(task, page):
    return Operation(OpCode.KUNMAP, task, page)


def local(task, page, depth=0, code=LOCALLY):
    return Operation(code, task, page, 1 + 64 * task + depth)


def unmap(task, depth=0, code=UNMAP, **operands):
    return Operation(code, task, reg=1 + 64 * task + depth, **operands)


def tried(node, limits, machine=MACHINE):
    return [render.operation(op) for op in operations(machine, node, limits)]


def test_what_is_tried_of_kmap():
    once = Limits(kmaps=1, others=())
    assert tried(after(kmap(0, 1), kmap(1, 0)), once)[:8] == [
        "0 KMAP page=0", "0 KUNMAP page=1", "0 KMAP page=2", "0 KMAP page=3",
        "1 KUNMAP page=0", "1 KMAP page=1", "1 KMAP page=2", "1 KMAP page=3",
    ]  # fmt: skip
    assert tried(after(kmap(0, 1)), Limits(kmaps=2, others=()))[:3] == [
        "0 KMAP page=0", "0 KMAP page=1", "0 KUNMAP page=1",
    ]  # fmt: skip
    assert tried(after(kmap(0, 0), kmap(0, 1), kmap(1, 2)), once)[-4:] == [
        f"2 KMAP page={page}" for page in range(4)
    ]
    assert tried(after(), Limits(kmaps=0)) == [f"{task} FLUSH_UNUSED value=1" for task in range(3)]


def test_what_is_tried_of_windows():
    limits = Limits(kmaps=0, maps=(LOCALLY,), depth=2, others=())
    first = tried(after(local(0, 0)), limits)
    assert first[:5] == [
        *(f"0 KMAP_LOCAL page={page} reg=2" for page in range(4)),
        "0 KUNMAP_LOCAL reg=1",
    ]
    assert first[5:] == [
        f"{task} KMAP_LOCAL page={page} reg={1 + 64 * task}"
        for task in (1, 2)
        for page in range(4)
    ]
    assert tried(after(local(0, 0), local(0, 1, 1)), limits)[0] == "0 KUNMAP_LOCAL reg=2"
    several = Limits(kmaps=0, maps=(LOCALLY, ATOMICALLY), depth=1, others=())
    assert tried(after(), several)[3:5] == [
        "0 KMAP_LOCAL page=3 reg=1",
        "0 KMAP_ATOMIC page=0 reg=1",
    ]


def test_types_are_used_once_at_a_time():
    limits = Limits(kmaps=0, maps=(ATOMICALLY,), types=3, others=())
    holding = Holding(stack=(Held(ATOMICALLY, True, 1),))
    node = Node(after().state, (holding, Holding(), Holding()))
    assert tried(node, limits)[:3] == [
        "0 KMAP_ATOMIC page=0 reg=2", "0 KMAP_ATOMIC page=0 reg=2 value=2",
        "0 KMAP_ATOMIC page=1 reg=2",
    ]  # fmt: skip
    assert "0 KUNMAP_ATOMIC reg=1 value=1" in tried(node, limits)
    other = Limits(kmaps=0, maps=(ATOMICALLY,), types=2, others=())
    assert {
        op.value
        for op in operations(MACHINE, node, other)
        if op.task == 0 and op.code == ATOMICALLY
    } == {0}
    again = Node(node.state, (Holding(stack=(Held(ATOMICALLY, True, 0),)), Holding(), Holding()))
    assert (
        tried(again, Limits(kmaps=0, maps=(ATOMICALLY,), others=()))[0]
        == "0 KMAP_ATOMIC page=0 reg=2"
    )


def test_what_is_tried_in_sections_and_beside():
    limits = Limits(
        kmaps=1, others=(OpCode.SLEEP,), also=(Operation(OpCode.YIELD, 2, value=7),), sections=True
    )
    assert tried(after(kmap(1, 0)), limits)[:7] == [
        "0 PREEMPT_OFF", "0 KMAP page=0", "0 KMAP page=1", "0 KMAP page=2", "0 KMAP page=3",
        "0 SLEEP value=1",
        "0 YIELD value=7",
    ]  # fmt: skip
    within = after(kmap(2, 0), Operation(OpCode.PREEMPT_OFF, 2))
    assert [
        op.task for op in operations(MACHINE, within, Limits(kmaps=1, others=(), sections=True))
    ] == [0] * 5 + [1] * 5 + [2] * 2
    assert tried(within, Limits(kmaps=1, others=(), sections=True))[-2:] == [
        "2 PREEMPT_ON",
        "2 KUNMAP page=0",
    ]
    watched = after(Operation(OpCode.PREEMPT_OFF, 0))
    assert [
        op.task for op in operations(MACHINE, watched, Limits(kmaps=0, others=(), sections=True))
    ] == [0]
    assert {op.task for op in operations(MACHINE, watched, Limits(kmaps=0))} == {0, 1, 2}
    assert {op.task for op in operations(MACHINE, watched, Limits(kmaps=1, others=()))} == {1, 2}
    asleep = after(kmap(0, 0), kmap(0, 1), kmap(1, 2))
    assert {op.task for op in operations(MACHINE, asleep, Limits())} == {0, 2}


def holdings(*ops, machine=MACHINE):
    return after(*ops, machine=machine).holdings


def test_what_is_held():
    assert [one.kmaps for one in holdings(kmap(0, 1), kmap(0, 0), kmap(2, 1), kmap(0, 1))] == [
        (1, 0, 1),
        (),
        (1,),
    ]
    assert [one.kmaps for one in holdings(kmap(0, 1), kmap(0, 1), kunmap(0, 1))] == [(1,), (), ()]
    one, two = Held(LOCALLY, True, 0), Held(LOCALLY, False, 0)
    assert holdings(local(0, 0), local(0, LOW, 1))[0].stack == (one, two)
    assert holdings(local(0, 0), local(0, LOW, 1), unmap(0, 1))[0].stack == (one,)
    assert holdings(local(2, 0), Operation(OpCode.SLEEP, 2), local(2, LOW, 1))[2].stack == (
        one,
        two,
    )
    assert holdings(local(0, 2), machine=DEBUG)[0].stack == (one,)
    typed = Operation(ATOMICALLY, 0, 1, 1, value=5)
    assert holdings(typed, machine=STACK)[0].stack == (Held(ATOMICALLY, True, 5),)


def test_what_is_not_held():
    refused = Operation(OpCode.KMAP, 0, 9)
    assert holdings(refused, Operation(OpCode.NOP), Operation(OpCode.SLEEP)) == (Holding(),) * 3
    wrong = Operation(UNMAP, 0, LOW, base=Base.DIRECT)
    assert len(holdings(local(0, 0), wrong)[0].stack) == 1
    assert holdings(kmap(0, 0), kmap(0, 1), kmap(1, 2))[1].kmaps == ()


def test_a_kmap_that_slept_is_held_when_it_ends():
    woken = holdings(kmap(0, 0), kmap(0, 1), kmap(1, 2), kunmap(0, 0))
    assert [one.kmaps for one in woken] == [(1,), (2,), ()]


def same(*programs, machine=MACHINE):
    return len({key(machine, after(*program, machine=machine)) for program in programs}) == 1


def test_states_that_are_the_same():
    assert same([kmap(0, 0)], [kmap(0, 1)], [kmap(1, 2)])
    assert same([kmap(0, 0), kmap(1, 1)], [kmap(1, 2), kmap(0, 0)])
    assert same([kmap(0, 0), kmap(0, 2)], [kmap(1, 2), kmap(1, 0)])
    assert same([local(0, 0), local(0, 1, 1)], [local(1, 2), local(1, 0, 1)])
    assert same([kmap(0, 0), kmap(0, 1), kmap(1, 2)], [kmap(1, 1), kmap(1, 2), kmap(0, 0)])
    assert same([local(0, LOW)], [local(1, LOW)])


def test_states_that_are_not_the_same():
    programs = [
        [], [kmap(0, 0)], [kmap(2, 0)], [kmap(0, LOW)], [kmap(0, 0), kmap(0, 1)],
        [kmap(0, 0), kmap(1, 1)],
        [kmap(0, 0), kmap(0, 0)], [kmap(0, 0), kmap(1, 0)], [kmap(0, 0), kmap(2, 0)],
        [kmap(0, 0), kunmap(0, 0)], [kmap(0, 0), kunmap(0, 0), kmap(0, 1)],
        [kmap(0, 0), kmap(0, LOW)],
        [local(0, 0)], [local(0, LOW)], [local(2, 0)], [local(0, 0), local(0, 1, 1)],
        [local(0, 0), local(0, 0, 1)],
        [local(0, 0), local(1, 0)], [local(0, 0), local(1, 1)], [local(0, 0), local(0, LOW, 1)],
        [local(0, LOW), local(0, 0, 1)], [local(0, 0, code=ATOMICALLY)],
        [local(0, LOW, code=ATOMICALLY)],
        [Operation(OpCode.PREEMPT_OFF)], [Operation(OpCode.IRQ_OFF)],
        [Operation(OpCode.HARDIRQ, value=2)],
        [Operation(OpCode.SOFTIRQ, value=2)], [Operation(OpCode.SOFTIRQ, value=3)],
        [Operation(OpCode.PREEMPT_OFF, 2)],
        [kmap(0, 0), kmap(0, 1), kmap(1, 2)], [kmap(0, 0), kmap(0, 1), kmap(2, 2)],
        [kmap(0, 0), kmap(0, 1), kmap(0, 0), kmap(1, 2)],
        [kmap(0, 0), Operation(OpCode.NOP, 1)], [kmap(0, 0), Operation(OpCode.NOP, 2)],
        [kmap(0, 0), local(0, 0)], [kmap(0, 0), local(0, 1)],
    ]  # fmt: skip
    keys = [key(MACHINE, after(*program)) for program in programs]
    assert [(a, b) for a in range(len(keys)) for b in range(a) if keys[a] == keys[b]] == []


def test_the_order_in_which_windows_were_filled_makes_no_difference():
    first, second = (
        Operation(ATOMICALLY, task, page, 1 + task) for task, page in ((0, 0), (2, 1))
    )
    assert same([first, second, Operation(OpCode.NOP)], [second, first], machine=STACK)


def test_lowmem_in_a_window_has_its_own_name():
    mapped = [[local(0, 0)], [local(0, 2)]]
    assert not same(*mapped, machine=DEBUG)
    assert same([local(0, 0)], [local(0, 1)], machine=DEBUG)


def test_a_stack_that_is_not_what_is_held():
    node = after(local(0, 0), local(2, 1))
    assert unheld(MACHINE, node) == ()
    lost = Node(node.state, (Holding(), *node.holdings[1:]))
    (found,) = unheld(MACHINE, lost)
    assert (found.rule, found.detail) == ("unheld", "task 0 is 1 deep and holds ()")
    assert unheld(STACK, lost) == ()
    assert unheld(DEBUG, after(local(0, 0), local(0, 2, 1), machine=DEBUG)) == ()
    dead = lost.state.tasks[0]._replace(phase=2)
    assert (
        unheld(
            MACHINE, Node(lost.state._replace(tasks=(dead, *lost.state.tasks[1:])), lost.holdings)
        )
        == ()
    )


def altered(change, when):
    """The model, but for outcomes of operations *when* (of operation and state) which are as
    *change* makes them.
    """

    def steps(machine, state, op):
        return tuple(change(one) if when(op, state) else one for one in step(machine, state, op))

    return steps


def forgetful(outcome):
    """A flush that tells of no slot."""
    return outcome._replace(observation=outcome.observation._replace(slots=()))


def test_the_program_of_a_failure_is_in_order():
    tiny = small(slots=1, high=2, low=0, tasks=(0,))
    steps = altered(forgetful, lambda op, state: op.code == OpCode.FLUSH_UNUSED and state.ones)
    found = explore(tiny, Limits(kmaps=1), steps=steps)
    assert found.failure is not None
    assert [op.code for op in found.failure.program] == [
        OpCode.KMAP,
        OpCode.KUNMAP,
        OpCode.FLUSH_UNUSED,
    ]
    late = altered(forgetful, lambda op, state: op.code == OpCode.KUNMAP and state.ones)
    wider = explore(
        small(slots=2, high=2, low=0, tasks=(0, 1)), Limits(kmaps=1, others=()), steps=late
    )
    assert wider.failure is not None
    assert [op.code.name for op in wider.failure.program] == ["KMAP", "KMAP", "KUNMAP", "KUNMAP"]


def test_a_depth_that_nobody_sees_is_found():
    def deeper(outcome):
        task = outcome.state.tasks[0]
        return outcome._replace(
            state=outcome.state._replace(tasks=(task._replace(depth=task.depth + 1),))
        )

    tiny = small(slots=1, high=1, low=0, tasks=(0,))
    steps = altered(deeper, lambda op, state: op.code == OpCode.SLEEP)
    found = explore(tiny, Limits(kmaps=0, others=(OpCode.SLEEP,)), steps=steps)
    assert found.failure is not None
    assert [violation.rule for violation in found.failure.violations] == ["unheld"]


def test_nobody_goes_on_where_the_lock_is_lost_or_everything():
    tiny = small(slots=1, high=1, low=0, tasks=(0, 1))
    bug = Operation(OpCode.KUNMAP, 0, 0)
    locked = explore(tiny, Limits(kmaps=0, others=(), also=(bug,)), keep_edges=True)
    assert (locked.states, locked.steps, locked.edges) == (1, 2, [])
    assert locked.rules == {"kunmap.bug-unmapped": 2}
    panic = Operation(OpCode.KUNMAP_LOCAL, base=Base.FIXMAP, reg=tiny.layout.fix_kmap_begin)
    lost = []

    def steps(machine, state, op):
        assert not state.lost
        outcomes = step(machine, state, op)
        lost.extend(outcome for outcome in outcomes if outcome.state.lost)
        return outcomes

    explore(tiny, Limits(kmaps=0, others=(OpCode.SOFTIRQ,), also=(panic,)), steps=steps)
    assert lost, "a BUG in an interrupt"


TINY = (small(slots=2, high=2, low=0, tasks=(0,)), Limits(kmaps=1, depth=1, maps=(LOCALLY,)))


def test_the_fast_path_is_asked_only_if_wanted():
    assert explore(*TINY).failure is None
    found = explore(*TINY, fast_path=lambda _machine, _state, _op: "something else")
    assert found.failure is not None
    assert [violation.rule for violation in found.failure.violations] == ["fast-path"]


def test_a_fast_path_that_says_nothing_is_right():
    assert explore(*TINY, fast_path=lambda _machine, _state, _op: None).failure is None
