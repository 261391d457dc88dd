"""Errands in turn: who may be sent where, which CPU may go, and when either has ended."""

import pytest

from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.refusal import hindered, senseless
from harness.model.rules.step import step
from tests.model.machines import LOCAL_DEBUG, LOCAL_PAE, small

pytestmark = pytest.mark.judges("outside", "step", "refusal", "finish")

NOWHERE, UNBOUND = -1, 0xFF
MACHINE = small(LOCAL_PAE._replace(online_cpus=3), tasks=(0, 1, 1, 2))
AWAIT, OK, REFUSED = Operation(OpCode.AWAIT), Status.OK, Status.REFUSED


def maps(task):
    return Operation(OpCode.KMAP_LOCAL, task, page=task, reg=task)


def unmaps(task):
    return Operation(OpCode.KUNMAP_LOCAL, task, reg=task)


def send(number, cpu, *, task=0):
    return Operation(OpCode.AFFINITY, task, value=number | cpu << 8)


def take(cpu, *, back=0):
    return Operation(OpCode.HOTPLUG, value=cpu | back << 8)


def after(*operations, machine=MACHINE):
    """The state after *operations*, each as its first outcome has it: who has to go is still
    there.
    """
    state = initial(machine, empty_snapshot(machine))
    for op in operations:
        state = step(machine, state, op)[0].state
    return state


def outcomes(*operations, machine=MACHINE):
    *first, last = operations
    return step(machine, after(*first, machine=machine), last)


SENSIBLE = {
    "nobody": ((send(4, 1),), REFUSED),
    "oneself": ((send(0, 1),), REFUSED),
    "a CPU too many": ((send(1, 3),), REFUSED),
    "the last CPU": ((send(1, 2),), OK),
    "more than a byte of a CPU": ((send(1, 0x102),), OK),
    "one that keeps its CPU": ((Operation(OpCode.PREEMPT_OFF, 1), send(1, 2)), REFUSED),
    "one that is dead": ((Operation(OpCode.EXIT, 1), send(1, 2)), REFUSED),
    "to a CPU that is gone": ((take(2), send(1, 2)), REFUSED),
    "while another has to go": ((maps(1), send(1, 2), send(2, 2)), REFUSED),
    "while a CPU has to go": ((maps(1), take(1), send(2, 2)), REFUSED),
    "a CPU while a task has to go": ((maps(1), send(1, 2), take(2)), REFUSED),
    "after it has gone": ((maps(1), send(1, 2), unmaps(1), send(2, 2)), OK),
    "CPU 0": ((take(0),), REFUSED),
    "a fourth CPU": ((take(3),), REFUSED),
    "a second CPU": ((take(2), take(1)), REFUSED),
    "a CPU that is there": ((take(2, back=1),), REFUSED),
    "a CPU that comes back": ((take(2), take(2, back=1)), OK),
    "another than the one that is gone": ((take(2), take(1, back=1)), REFUSED),
    "to wait for nothing": ((AWAIT,), REFUSED),
    "to wait for a task": ((send(1, 2), AWAIT), OK),
    "to wait for a mapped task": ((maps(1), send(1, 2), AWAIT), REFUSED),
    "to wait for a CPU": ((take(1), AWAIT), OK),
    "to wait for a CPU with a mapping": ((maps(2), take(1), AWAIT), REFUSED),
    "to wait for a CPU beside a mapping": ((maps(0), maps(3), take(1), AWAIT), OK),
    "to wait for a CPU that came back": ((take(1), take(1, back=1), maps(2), AWAIT), OK),
    "user mode without a page": ((Operation(OpCode.USER, page=7),), REFUSED),
    "user mode": ((Operation(OpCode.USER, page=6),), OK),
    "no user mode": ((Operation(OpCode.FORK, page=7),), OK),
}


@pytest.mark.parametrize("name", SENSIBLE)
def test_what_the_module_takes_on(name):
    operations, status = SENSIBLE[name]
    assert {outcome.observation.status for outcome in outcomes(*operations)} == {status}


@pytest.mark.parametrize(
    ("before", "cpu", "waits"),
    [((), 1, 0), ((maps(1),), 1, 1), ((maps(2),), 1, 1), ((maps(0),), 1, 0), ((maps(3),), 1, 0)],
)
def test_a_cpu_waits_for_its_own_mappings(before, cpu, waits):
    (outcome,) = outcomes(*before, take(cpu))
    assert (outcome.observation.value, outcome.rule) == (
        waits,
        "hotplug.waits" if waits else "hotplug.offline",
    )
    assert (outcome.state.offline, outcome.state.errand) == (cpu, (OpCode.HOTPLUG, cpu))
    assert [task.allowed for task in outcome.state.tasks] == [0, UNBOUND, UNBOUND, 2]


def test_the_dead_hold_no_cpu():
    dead = (maps(1), Operation(OpCode.KUNMAP, 1, page=5))
    state = after(*dead)
    assert state.tasks[1].migrate == 1
    (outcome,) = outcomes(*dead, take(1))
    assert (outcome.observation.value, outcome.rule) == (0, "hotplug.offline")


def place(state, number):
    task = state.tasks[number]
    return task.cpu, task.allowed, task.going


LATE = (maps(1), send(1, 2), unmaps(1))


def test_where_a_task_is_on_its_way():
    assert place(after(send(1, 2)), 1) == (2, 2, NOWHERE)
    assert place(after(*LATE[:2]), 1) == (1, 1, 2)
    found = outcomes(*LATE)
    assert [place(outcome.state, 1) for outcome in found] == [(1, 1, 2), (2, 2, NOWHERE)]
    assert place(after(*LATE, AWAIT), 1) == (2, 2, NOWHERE)
    assert place(after(*LATE, send(1, 0, task=3)), 1) == (0, 0, NOWHERE)


def test_to_wait_for_a_cpu_moves_no_task():
    late = (maps(2), send(2, 0, task=3), unmaps(2))
    assert place(after(*late, take(2), AWAIT), 2) == (1, 1, 0)


def test_a_task_that_dies_on_its_way_has_died_here_or_there():
    found = outcomes(*LATE, Operation(OpCode.KUNMAP, 1, page=5))
    assert [(one.observation.status, one.observation.cpu) for one in found] == [
        (Status.DIED, 1), (Status.DIED, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("layout", "page", "warns"), [(LOCAL_PAE, 0, 1), (LOCAL_PAE, 6, 0), (LOCAL_DEBUG, 6, 1)]
)
def test_user_mode_with_a_mapping_warns_where_the_page_is_mapped_at_all(layout, page, warns):
    machine = small(layout)
    found = outcomes(Operation(OpCode.USER, page=page), Operation(OpCode.NOP), machine=machine)
    assert [outcome.observation.warns for outcome in found] == [warns]


def test_a_child_of_one_without_mappings_does_not_warn():
    fork = Operation(OpCode.FORK)
    assert [(one.rule, one.observation.warns) for one in outcomes(fork)] == [("fork", 0)]
    assert [(one.rule, one.observation.warns) for one in outcomes(maps(0), fork)] == [
        ("fork.mapped", 1)
    ]


@pytest.mark.parametrize("cpu", [0, 2])
def test_one_on_its_way_is_found_here_or_there(cpu):
    late = (maps(1), send(1, cpu, task=3), unmaps(1))
    found = outcomes(*late, Operation(OpCode.NOP, 1))
    assert {(one.observation.cpu, *place(one.state, 1)) for one in found} == {
        (1, 1, 1, cpu), (cpu, cpu, cpu, NOWHERE),
    }  # fmt: skip


def test_one_goes_also_while_others_wait_for_a_slot():
    fill = [Operation(OpCode.KMAP, 0, page=page, reg=9) for page in range(4)]
    waits = Operation(OpCode.KMAP, 2, page=5, reg=9)
    found = outcomes(*fill, waits, *LATE)
    assert [(one.observation.waiters, place(one.state, 1)) for one in found] == [
        (1, (1, 1, 2)), (1, (2, 2, NOWHERE)),
    ]  # fmt: skip


@pytest.mark.parametrize("cpu", [0, 2])
def test_one_on_its_way_maps_here_or_there(cpu):
    late = (maps(1), send(1, cpu, task=3), unmaps(1))
    layout = MACHINE.layout
    assert {one.observation.value for one in outcomes(*late, maps(1))} == {
        layout.fixaddr(layout.window_index(here, 0)) for here in (1, cpu)
    }


def test_a_mapping_on_a_cpu_that_came_back_is_in_nobodys_way():
    state = after(take(1), take(1, back=1))
    mapped = next(one.state for one in step(MACHINE, state, maps(2)) if one.observation.cpu == 1)
    assert not hindered(mapped)
    assert {one.observation.status for one in step(MACHINE, mapped, AWAIT)} == {OK}


def test_one_that_keeps_its_cpu_is_not_sent_whoever_asks():
    state = after(Operation(OpCode.PREEMPT_OFF, 1))
    assert [senseless(MACHINE, state, send(number, 0, task=3)) for number in (1, 2)] == [
        True,
        False,
    ]
