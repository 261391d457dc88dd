"""Each ``with_*`` change of a record makes what ``_replace`` would make."""

import pytest

from harness.model.records import vector
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import Context, Phase, Slot, State, TaskState
from tests.model.machines import LOCAL_PAE, small

pytestmark = pytest.mark.judges("state")

MACHINE = small(LOCAL_PAE, tasks=(0, 1))
CONTEXT = Context(hard=True, remaining=2, irqs_off=False)
TASK = TaskState(*range(len(TaskState._fields)))
"""A task with another value in every field."""


def start():
    """A state with another value in every field, so that none can stand for another."""
    state = initial(MACHINE, empty_snapshot(MACHINE))
    return state._replace(
        cursor=2, waiting=(7,), windows={68: 5}, depths=(3, 4), stale={(0, 1): (2,)},
        warned=frozenset({"site"}), current=1, spinning=(9,), tampered=True, locked=True,
        lost="lost", unflushed=frozenset({4}), errand=(5, 6), offline=7, user=True,
    )  # fmt: skip


STATE = start()
SLOTS = vector.put(STATE.slots, 1, Slot(3, 4))
TASKS = (STATE.tasks[0], TASK)
ATOMIC = TASK._replace(phase=Phase.READY)
CHANGES = {
    "with_cursor": (STATE.with_cursor(1), {"cursor": 1}),
    "with_where": (STATE.with_where(0, 8), {"where": vector.put(STATE.where, 0, 8)}),
    "with_windows": (STATE.with_windows({1: 2}), {"windows": {1: 2}}),
    "with_window": (STATE.with_window(69, 6), {"windows": {68: 5, 69: 6}}),
    "with_window of none": (STATE.with_window(68, 0), {"windows": {}}),
    "with_task": (STATE.with_task(1, TASK), {"tasks": TASKS}),
    "with_register": (
        STATE.with_register(3, 4), {"registers": vector.put(STATE.registers, 3, 4)},
    ),
    "with_memory": (STATE.with_memory(0, {4: 5}), {"memory": vector.put(STATE.memory, 0, {4: 5})}),
    "with_stale": (STATE.with_stale({}), {"stale": {}}),
    "with_end": (
        STATE.with_end(1, TASK, (1, 2), "gone", frozenset({3})),
        {"tasks": TASKS, "spinning": (1, 2), "lost": "gone", "unflushed": frozenset({3})},
    ),
    "with_current": (STATE.with_current(0), {"current": 0, "user": False}),
    "switched_to": (STATE.switched_to(0, {}), {"current": 0, "windows": {}}),
    "alone_with_task": (STATE.alone_with_task(1, TASK), {"tasks": TASKS, "spinning": (1,)}),
    "alone_with_mapping": (
        STATE.alone_with_mapping(1, TASK, {}, (8, 9), STATE.registers[:1]),
        {"tasks": TASKS, "spinning": (1,), "windows": {}, "depths": (8, 9),
         "registers": STATE.registers[:1]},
    ),
    "with_pkmap": (
        STATE.with_pkmap(1, 1, Slot(3, 4), STATE.where[:0], STATE.registers[:1]),
        {"cursor": 1, "slots": SLOTS, "zeros": STATE.zeros & ~2, "where": STATE.where[:0],
         "registers": STATE.registers[:1]},
    ),
    "with_unused_flushed": (
        STATE._replace(ones=8, zeros=1).with_unused_flushed(SLOTS, STATE.where[:0]),
        {"slots": SLOTS, "where": STATE.where[:0], "ones": 0, "zeros": 9},
    ),
}  # fmt: skip
TASK_CHANGES = {
    "with_counts": (TASK.with_counts(1, 2, 3), {"preempt": 1, "pagefault": 2, "migrate": 3}),
    "with_stack": (TASK.with_stack(1, (2,), 3), {"depth": 1, "saved": (2,), "migrate": 3}),
    "with_contexts": (
        TASK.with_contexts((CONTEXT,), irqs_off=True), {"contexts": (CONTEXT,), "irqs_off": True},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_state_is_what_replace_makes(name):
    changed, fields = CHANGES[name]
    assert changed == STATE._replace(**fields)


@pytest.mark.parametrize("name", TASK_CHANGES)
def test_a_changed_task_is_what_replace_makes(name):
    changed, fields = TASK_CHANGES[name]
    assert changed == TASK._replace(**fields)


def test_no_change_is_left_out():
    named = {name.split(" ")[0] for name in (*CHANGES, *TASK_CHANGES)} | {"with_slot"}
    changes = {
        name
        for record in (State, TaskState)
        for name in vars(record)
        if name.startswith(("with_", "alone_with_", "switched_"))
    }
    assert named == changes


@pytest.mark.parametrize(("count", "zero", "one"), [(0, 1, 0), (1, 0, 1), (2, 0, 0)])
def test_the_bit_sets_follow_the_count(count, zero, one):
    for before in (0, 1, 2):
        state = STATE.with_slot(1, before, 0).with_slot(1, count, 5)
        assert (state.zeros >> 1 & 1, state.ones >> 1 & 1) == (zero, one)
        assert vector.get(state.slots, 1) == Slot(count, 5)
