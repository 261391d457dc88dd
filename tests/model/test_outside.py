"""What comes from outside: affinity, CPUs that go, children, user mode."""

from harness.model.records.operation import OpCode, Operation
from harness.model.records.outcome import differences
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from tests.model.judged import check
from tests.model.machines import LOCAL_DEBUG, LOCAL_PAE, STACK_PAE, small

MAP, UNMAP = Operation(OpCode.KMAP_LOCAL, page=0, reg=1), Operation(OpCode.KUNMAP_LOCAL, reg=1)
SEND = Operation(OpCode.AFFINITY, 1, value=0 | 1 << 8)
OFFLINE = Operation(OpCode.HOTPLUG, 0, value=1)


def after(machine, *operations):
    state = initial(machine, empty_snapshot(machine))
    for op in operations:
        state = step(machine, state, op)[0].state
    return state


def test_a_mapped_task_goes_after_its_last_unmap_at_once_or_later():
    machine = small(LOCAL_PAE, tasks=(0, 1))
    state = after(machine, MAP, SEND)
    assert step(machine, state, Operation(OpCode.SLEEP, value=5))[0].observation.cpu == 0
    outcomes = step(machine, state, UNMAP)
    assert {one.observation.cpu for one in outcomes} == {0, 1}
    late = next(one.state for one in outcomes if one.observation.cpu == 0)
    assert {one.observation.cpu for one in step(machine, late, Operation(OpCode.NOP))} == {0, 1}
    moved = step(machine, late, Operation(OpCode.AWAIT, 1))[0].state
    assert {one.observation.cpu for one in step(machine, moved, Operation(OpCode.NOP))} == {1}


def test_a_task_that_goes_with_its_mapping_breaks_the_contract():
    machine = small(LOCAL_PAE, tasks=(0, 1))
    state = after(machine, MAP)
    (outcome,) = step(machine, state, SEND)
    assert outcome.observation.value == 1
    broken = outcome.observation._replace(value=0)
    assert {one.rule for one in check(machine, state, SEND, broken)} == {"sent-away"}


def test_without_mappings_it_goes_at_once():
    for layout in (LOCAL_PAE, STACK_PAE):
        machine = small(layout, tasks=(0, 1))
        assert after(machine, SEND).tasks[0].cpu == 1


def test_a_cpu_stays_while_a_mapping_is_in_its_window():
    machine = small(LOCAL_PAE, tasks=(0, 1))
    state = after(machine, MAP._replace(task=1))
    (outcome,) = step(machine, state, OFFLINE)
    assert outcome.observation.value == 1
    broken = outcome.observation._replace(value=0)
    assert {one.rule for one in check(machine, state, OFFLINE, broken)} == {"cpu-gone"}


def test_a_child_that_inherits_and_a_silent_return_break_the_contract():
    machine = small(LOCAL_PAE, tasks=(0,))
    state, fork = after(machine, MAP), Operation(OpCode.FORK)
    seen = step(machine, state, fork)[0].observation
    assert (seen.value, seen.warns) == (0, 1)
    assert {one.rule for one in check(machine, state, fork, seen._replace(value=0x10101))} == {
        "inherited"
    }
    assert {one.rule for one in check(machine, state, fork, seen._replace(warns=0))} == {"fork"}
    assert not check(machine, state, fork, seen._replace(warns=0), blind=frozenset({"warns"}))
    again = state._replace(warned=state.warned | {"fork"})
    assert not check(machine, again, fork, seen._replace(warns=0))
    unmapped = step(machine, after(machine), fork)[0].observation
    assert not unmapped.warns
    assert not check(machine, after(machine), fork, unmapped)
    state, idle = after(machine, Operation(OpCode.USER, page=0)), Operation(OpCode.NOP)
    seen = step(machine, state, idle)[0].observation
    assert seen.warns == 1
    assert {one.rule for one in check(machine, state, idle, seen._replace(warns=0))} == {
        "return-to-user"
    }


def test_a_kernel_that_maps_all_pages_flushes_addresses_of_its_own_for_a_child():
    """Seen on 6.1-pae-debug: the pages of a child are cleared through a slot of the parent."""
    fork = Operation(OpCode.FORK)
    for layout, differs in ((LOCAL_PAE, ("invlpg_address",)), (LOCAL_DEBUG, ())):
        machine = small(layout, tasks=(0,))
        state = after(machine)
        (outcome,) = step(machine, state, fork)
        seen = step(machine, state, Operation(OpCode.NOP))[0].observation
        seen = seen._replace(invlpgs=40, invlpg_address=layout.fixaddr(layout.fix_kmap_begin + 1))
        assert differences(outcome, seen) == differs
