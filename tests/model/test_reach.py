"""The walks of reach: small machines of any kind, and which states are one."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.model.records import vector
from harness.model.records.layout import UNBOUND
from harness.model.records.operation import Base, OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import Slot
from harness.model.rules.step import step
from harness.model.search import reach
from tests.model.kinds import LAYOUTS, of_kind
from tests.model.listing import WALKED, tried

pytestmark = pytest.mark.judges("reach")

MACHINE = of_kind("local")
ONE_CPU = LAYOUTS["stack"]._replace(online_cpus=1)


def test_machines_and_alphabets_are_as_listed():
    text = (Path(__file__).parent / "listed" / "walks.txt").read_text()
    listed = [line for line in text.splitlines() if not line.startswith("  meets ")]
    now = [
        line
        for kind in WALKED
        for walk in reach.walks(of_kind(kind))
        for line in tried(kind, walk)
    ]
    assert [(a, b) for a, b in zip(listed, now, strict=False) if a != b][:1] == []
    assert len(listed) == len(now)


def test_walks_are_on_two_cpus_at_most():
    walked = [walk.machine for walk in reach.walks(of_kind("stack-counted"))]
    assert {machine.layout.online_cpus for machine in walked} == {2}
    assert {cpu for machine in walked for cpu in machine.tasks} == {0, 1, UNBOUND}
    alone = [walk.machine for walk in reach.walks(of_kind("local-one-cpu"))]
    assert {cpu for machine in alone for cpu in machine.tasks} == {0, UNBOUND}


def test_states_are_told_apart_by_what_rules_depend_on():
    state = initial(MACHINE, empty_snapshot(MACHINE))
    first, *others = state.tasks
    variants = [
        state,
        state._replace(cursor=1),
        state._replace(slots=vector.put(state.slots, 0, Slot(1, 0))),
        state._replace(windows={68: 5}),
        state._replace(windows={68: 6}),
        state._replace(tasks=(first._replace(preempt=1), *others)),
        state._replace(depths=(0, 1)),
        *(
            state._replace(registers=vector.put(state.registers, number, 5))
            for number in (0, 1, 2, 3)
        ),
        state._replace(stale={(0, 4096): (5,)}),
        state._replace(warned=frozenset({"x"})),
        state._replace(current=0),
        state._replace(locked=True),
        state._replace(tampered=True),
        state._replace(errand=(OpCode.HOTPLUG, 1)),
        state._replace(offline=1),
        state._replace(user=True),
    ]
    assert len({reach._key(one) for one in variants}) == len(variants)


def test_states_are_one_that_differ_in_memory_or_in_order():
    state = initial(MACHINE, empty_snapshot(MACHINE))
    two = state._replace(windows={68: 5, 69: 6}, stale={(0, 4096): (5,), (1, 4096): (6,)})
    turned = state._replace(windows={69: 6, 68: 5}, stale={(1, 4096): (6,), (0, 4096): (5,)})
    assert reach._key(two) == reach._key(turned)
    stored = state._replace(
        memory=vector.put(state.memory, 0, {0: 1}), registers=vector.put(state.registers, 4, 1)
    )
    assert reach._key(stored) == reach._key(state)


def test_a_walk_meets_what_its_states_have():
    alphabet = (Operation(OpCode.KMAP, 0, 0), Operation(OpCode.KUNMAP, 0, 0))
    walk = reach.Walk("x", replace(MACHINE, tasks=(0,)), alphabet, 100)
    assert reach.taken(walk._replace(states=1)) == {"kmap.above", "kunmap.bug-unmapped"}
    assert reach.taken(walk._replace(states=2)) == {
        "kmap.above", "kunmap.bug-unmapped", "kmap.shared", "kunmap.last",
    }  # fmt: skip


def test_an_errand_can_be_awaited_where_nothing_else_changes():
    (walk,) = (
        walk
        for walk in reach.walks(of_kind("stack").with_layout(ONE_CPU))
        if walk.name == "outside"
    )
    assert "await" in reach.taken(walk)


def test_nothing_is_tried_in_a_state_of_which_nothing_is_known(monkeypatch):
    wrong = Operation(OpCode.KUNMAP_LOCAL, base=Base.FIXMAP, reg=MACHINE.layout.fix_kmap_begin)
    walk = reach.Walk(
        "x", replace(MACHINE, tasks=(0,)), (Operation(OpCode.SOFTIRQ, value=3), wrong), 50
    )
    lost, asked = [], []

    def spy(machine, state, op):
        asked.append(state)
        outcomes = step(machine, state, op)
        lost.extend(outcome.state for outcome in outcomes if outcome.state.lost)
        return outcomes

    monkeypatch.setattr(reach, "step", spy)
    reach.taken(walk)
    assert lost, "a BUG in an interrupt"
    assert not any(state.lost for state in asked)
