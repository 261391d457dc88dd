"""The fast path says what step says, on random programs (misuse too) and generated ones."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.fast import fast_path as plain_module
from harness.model.fast import fast_typed, fast_window, turn
from harness.model.fast.fast_path import allowed, plain
from harness.model.records.interrupt import Armed
from harness.model.records.machine import machine as machine_of
from harness.model.records.operation import OpCode, Operation
from harness.model.records.page import Page, PageKind
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from harness.model.search import standard_machines
from harness.model.search.explorer import explore
from harness.model.search.reach import walks
from harness.model.search.standard_machines import KINDS, MACHINES
from harness.scenario.facts import Facts
from harness.scenario.generate import Wishes, generate
from tests.model.machines import LAYOUTS, small
from tests.model.programs import MAPPING, any_program

TYPED = {"typed_top": 0xF7FF_F000, "typed_count": 64}
PLAIN_SHARE = 0.85


def same(machine, state, op):
    """The outcomes of step, with which the fast path agrees; and whether it had an answer."""
    outcomes, one = step(machine, state, op), plain(machine, state, op)
    if one is not None:
        assert outcomes == (one,), (op, one, outcomes)
    return outcomes, one is not None


@pytest.mark.parametrize("name", LAYOUTS)
def test_on_random_programs_with_misuse(name):
    machine = small(LAYOUTS[name]._replace(**TYPED), tasks=(0, 0, 1, 255))

    @settings(max_examples=120, deadline=None)
    @given(any_program(machine, size=80), st.integers(0, 7))
    def run(program, pick):
        state = initial(machine, empty_snapshot(machine))
        for op in program:
            outcomes, _ = same(machine, state, op)
            if not outcomes:
                break
            state = outcomes[pick % len(outcomes)].state

    run()


@st.composite
def nested(draw, machine):
    """Maps and unmaps in order, of several tasks, in interrupts and not: what random choice
    rarely gives.
    """
    maps, atomics, unmaps = MAPPING[machine.layout.generation.value]
    program, stacks = [], [[] for _ in machine.tasks]
    for _ in range(draw(st.integers(1, 40))):
        task = draw(st.integers(0, len(machine.tasks) - 1))
        verb = draw(
            st.sampled_from(
                ("map", "map", "unmap", "touch", "typed", "interrupt", "kmap", "kunmap")
            )
        )
        page = draw(st.integers(0, len(machine.pages) - 1))
        register = 1 + 64 * task + len(stacks[task])
        if verb == "map":
            program.append(Operation(draw(st.sampled_from(maps + atomics)), task, page, register))
            stacks[task].append(register)
        elif verb == "typed":
            program.append(
                Operation(OpCode.TYPED_MAP, task, page, register, value=draw(st.integers(0, 3)))
            )
        elif verb == "interrupt":
            code = draw(st.sampled_from((OpCode.HARDIRQ, OpCode.SOFTIRQ)))
            program.append(Operation(code, task, value=draw(st.integers(1, 4))))
        elif verb in ("kmap", "kunmap"):
            program.append(Operation(OpCode[verb.upper()], task, page, 500 + page))
        elif stacks[task]:
            register = stacks[task].pop() if verb == "unmap" else stacks[task][-1]
            codes = unmaps if verb == "unmap" else (OpCode.READ, OpCode.WRITE, OpCode.TYPED_UNMAP)
            program.append(
                Operation(draw(st.sampled_from(codes)), task, reg=register, offset=8 * (page % 3))
            )
    return program


@pytest.mark.parametrize("name", LAYOUTS)
def test_on_programs_that_nest(name):
    machine = small(LAYOUTS[name]._replace(**TYPED), high=4, low=1, tasks=(0, 0, 1))

    @settings(max_examples=150, deadline=None)
    @given(nested(machine))
    def run(program):
        state = initial(machine, empty_snapshot(machine))
        for op in program:
            outcomes, _ = same(machine, state, op)
            if not outcomes:
                break
            state = outcomes[0].state

    run()


TYPES_OF_A_TASK = 3


@st.composite
def typed(draw, machine):
    """Types nested in order, each task with its own; now and then one twice, or another at the
    unmap.
    """
    program, held = [], [[] for _ in machine.tasks]
    for _ in range(draw(st.integers(1, 40))):
        task = draw(st.integers(0, len(machine.tasks) - 1))
        page = draw(st.integers(0, len(machine.pages) - 1))
        verb = draw(st.sampled_from(("map", "map", "unmap", "unmap", "touch", "oddly")))
        kind = TYPES_OF_A_TASK * task + len(held[task])
        if verb == "map" and len(held[task]) < TYPES_OF_A_TASK:
            code = draw(
                st.sampled_from(
                    (OpCode.KMAP_ATOMIC, OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN)
                )
            )
            program.append(Operation(code, task, page, 1 + kind, value=kind))
            held[task].append(kind)
        elif verb == "unmap" and held[task]:
            kind = held[task].pop()
            program.append(
                Operation(OpCode.KUNMAP_ATOMIC, task, reg=1 + kind, value=kind, offset=8)
            )
        elif verb == "touch":
            code = draw(st.sampled_from((OpCode.READ, OpCode.WRITE)))
            program.append(Operation(code, task, reg=1 + kind, offset=4 * page, value=page))
        elif verb == "oddly":
            code = draw(st.sampled_from((OpCode.KMAP_ATOMIC, OpCode.KUNMAP_ATOMIC)))
            program.append(Operation(code, task, page, 1 + kind, value=draw(st.integers(0, 9))))
    return program


@pytest.mark.parametrize(
    "layout", [standard_machines.TYPED, standard_machines.TYPED_32, standard_machines.TYPED_DEBUG]
)
def test_on_programs_of_the_typed_generation(layout):
    machine = small(layout, high=4, low=1, tasks=(0, 0, 1))

    @settings(max_examples=150, deadline=None)
    @given(typed(machine))
    def run(program):
        state = initial(machine, empty_snapshot(machine))
        for op in program:
            outcomes, _ = same(machine, state, op)
            if not outcomes:
                break
            state = outcomes[0].state

    run()


@pytest.mark.parametrize("layout", KINDS, ids=lambda layout: layout.generation.value)
def test_wherever_misuse_leads(layout):
    small_kind = machine_of(layout._replace(**TYPED), (Page(0x9000, PageKind.HIGH, 0),), (0,))
    for walk in walks(small_kind):
        state = initial(walk.machine, empty_snapshot(walk.machine))
        random = Random(7)
        for _ in range(1500):
            op = random.choice(walk.alphabet)
            outcomes, _ = same(walk.machine, state, op)
            good = [
                one.state for one in outcomes if not one.state.lost and not one.observation.dead
            ]
            state = (
                random.choice(good)
                if good
                else initial(walk.machine, empty_snapshot(walk.machine))
            )


def machine_for(layout, program):
    pages = tuple(
        Page((0x1000 if kind is PageKind.LOW else 0x9000) + 3 * number, kind, number % 128)
        for number, kind in enumerate(program.page_kinds)
    )
    return machine_of(layout, pages, program.tasks)


@pytest.mark.parametrize("name", LAYOUTS)
def test_on_generated_programs_and_nearly_always(name):
    layout = LAYOUTS[name]._replace(last_pkmap=64, **TYPED)
    program = generate(Facts(layout), Random(3), Wishes(2500))
    machine = machine_for(layout, program)
    state = initial(machine, empty_snapshot(machine))
    plainly = 0
    for op in program.operations:
        outcomes, fast = same(machine, state, op)
        assert allowed(machine, state, op) == outcomes
        plainly += fast
        state = outcomes[0].state
    assert plainly / len(program.operations) > PLAIN_SHARE


def unswitched(machine, state, op, _going):
    """A switch that leaves the windows alone."""
    return turn.Turn(machine, state, state._replace(current=op.task), op, state.tasks[op.task], ())


BROKEN = {
    "counts": (fast_window, "_counted", lambda _machine, task, _by: task, "local"),
    "owner": (plain_module, "_undisturbed", lambda state, number: not state.lost, "local"),
    "switch": (plain_module, "_switched", unswitched, "local"),
    "address": (turn, "page_address", lambda _machine, _state, _page: 0, "pkmap"),
    "types": (fast_typed, "_nested", lambda task, _by: task, "typed"),
    "depths": (fast_window, "_depths", lambda state, _cpu, _depth: state.depths, "stack"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_fast_path_that_differs_is_found_by_exploration(name, monkeypatch):
    module, function, broken, where = BROKEN[name]
    monkeypatch.setattr(module, function, broken)
    small_one = next(one for one in MACHINES if one.name == where)
    found = explore(small_one.machine, small_one.limits, fast_path=plain)
    assert found.failure is not None
    assert found.failure.violations[0].rule == "fast-path"


@pytest.mark.parametrize(
    "odd",
    [
        lambda task, state: (task._replace(armed=Armed(0, 0, 0, 0, 0)), state),
        lambda task, state: (task._replace(going=1), state),
        lambda task, state: (task, state._replace(user=True)),
    ],
    ids=["an interrupt is armed", "its affinity has changed", "back from user mode"],
)
def test_what_may_still_happen_to_a_task_is_not_plain(odd):
    machine = small(LAYOUTS["local"], tasks=(0, 1))
    state = initial(machine, empty_snapshot(machine))
    assert plain(machine, state, Operation(OpCode.NOP)) is not None
    task, changed = odd(state.tasks[0], state)
    changed = changed._replace(tasks=(task, *state.tasks[1:]))
    assert plain(machine, changed, Operation(OpCode.NOP)) is None
