"""PTEs set by hand, others' slots, a lock that is lost: where the rules of correct use are off."""

import pytest

from harness.model.records import vector
from harness.model.records.context_counts import migrate_extra, preempt_extra
from harness.model.records.observation import UNCLAIMED, Status
from harness.model.records.operation import NO_PAGE, Base, OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial, with_foreign_slot
from harness.model.records.state import Context
from harness.model.rules import local
from harness.model.rules.draft import Draft
from harness.model.rules.step import predict, step
from tests.model.kinds import of_kind
from tests.model.machines import small

MACHINE = of_kind("local")
FOREIGN = 0x7_7000_163
FLUSH = Operation(OpCode.FLUSH_UNUSED)


def after(*ops, machine=MACHINE, state=None):
    state = initial(machine, empty_snapshot(machine)) if state is None else state
    for op in ops:
        outcome = predict(machine, state, op)
        assert outcome is not None, op
        state = outcome.state
    return state


def set_pte(slot, page):
    return Operation(OpCode.SET_PTE, page=page, base=Base.PKMAP, reg=slot)


UNUSED = (Operation(OpCode.KMAP, 0, 0, 1), Operation(OpCode.KUNMAP, 0, 0))
LOW = 4


def test_a_flush_of_a_pte_cleared_by_hand_is_not_claimed():
    assert step(MACHINE, after(*UNUSED, set_pte(1, NO_PAGE)), FLUSH) == ()


def test_a_flush_of_a_lowmem_page_put_by_hand_is_not_claimed():
    assert step(MACHINE, after(*UNUSED, set_pte(1, LOW)), FLUSH) == ()


def test_a_flush_of_another_highmem_page_put_by_hand():
    state = after(*UNUSED, set_pte(1, 1))
    outcome = predict(MACHINE, state, FLUSH)
    assert (outcome.observation.flush_ranges, outcome.observation.flush_dirty) == (1, 0)
    assert vector.get(outcome.state.slots, 1) == (0, 0)
    assert vector.get(outcome.state.where, 0) == 0xFF00_1000


def test_a_flush_of_somebody_elses_page():
    start = initial(MACHINE, empty_snapshot(MACHINE))
    outcome = predict(MACHINE, with_foreign_slot(MACHINE, start, 2, 1, FOREIGN), FLUSH)
    assert vector.get(outcome.state.slots, 2) == (0, 0)
    assert outcome.observation.slots == ((2, 0, 0, 0),)


def test_ptes_at_count_0_are_told_with_a_flush():
    state = after(*UNUSED, Operation(OpCode.KMAP, 0, 1, 2), set_pte(0, 3))
    assert predict(MACHINE, state, FLUSH).observation.flush_dirty == 1
    state = after(*UNUSED, set_pte(0, 1), set_pte(2, 2))
    seen = predict(MACHINE, state, FLUSH).observation
    assert (seen.flush_ranges, seen.flush_dirty, seen.flush_scans) == (1, 2, 1)
    assert predict(MACHINE, after(set_pte(0, 1)), FLUSH).observation.flush_dirty == 0


def test_a_flush_leaves_nothing_in_a_tlb():
    reads = Operation(OpCode.READ, 0, reg=1)
    state = after(*UNUSED, Operation(OpCode.KMAP, 0, 1, 2), set_pte(2, 3))
    held = Operation(OpCode.READ, 0, reg=2)
    assert len(step(MACHINE, state, held)) == 2
    assert len(step(MACHINE, after(FLUSH, state=state), held)) == 1
    assert len(step(MACHINE, state, reads)) == 1


def test_a_count_lost_under_an_address_is_a_bug_of_kmap():
    state = after(Operation(OpCode.KMAP, 0, 0, 1))
    state = state._replace(
        slots=vector.put(state.slots, 1, vector.get(state.slots, 1)._replace(count=0))
    )
    outcome = predict(MACHINE, state, Operation(OpCode.KMAP, 0, 0, 2))
    assert (outcome.observation.status, outcome.observation.value, outcome.rule) == (
        Status.DIED, 0, "kmap.bug-count",
    )  # fmt: skip
    assert outcome.state.locked
    assert vector.get(outcome.state.registers, 2) == 0


CROWD = small(slots=4, high=6, low=1, tasks=(0, 0, 1, 1, 1))


def crowded(*waiting):
    fill = [Operation(OpCode.KMAP, 0, page) for page in range(4)]
    blocked = [Operation(OpCode.KMAP, task, page, 10 + task) for task, page in waiting]
    return after(*fill, *blocked, machine=CROWD)


def test_those_who_lose_wait_on():
    state = crowded((1, 4), (2, 5), (3, 4))
    outcomes = step(CROWD, state, Operation(OpCode.KUNMAP, 0, 0))
    assert {
        (outcome.rule, outcome.observation.waiters, outcome.state.waiting) for outcome in outcomes
    } == {
        ("kunmap.wake+win+lose+follow", 1, (2,)),
        ("kunmap.wake+win+lose", 2, (1, 3)),
    }
    assert {outcome.observation.wakes for outcome in outcomes} == {1}


def test_an_atomic_kunmap_wakes_and_an_atomic_kmap_that_must_wait_is_not_claimed():
    state = after(Operation(OpCode.PREEMPT_OFF), state=crowded((2, 5)), machine=CROWD)
    assert [one.rule for one in step(CROWD, state, Operation(OpCode.KUNMAP, 0, 0))] == [
        "kunmap.wake+win"
    ]
    asleep = after(*(Operation(OpCode.KMAP, 0, page) for page in range(4)), machine=CROWD)
    atomic = after(Operation(OpCode.PREEMPT_OFF), state=asleep, machine=CROWD)
    assert step(CROWD, atomic, Operation(OpCode.KMAP, 0, 5)) == ()


@pytest.mark.parametrize("code", [OpCode.KMAP, OpCode.KUNMAP, OpCode.FLUSH_UNUSED])
def test_a_dead_task_with_the_lock_stops_the_rest(code):
    state = after(Operation(OpCode.KUNMAP, 0, 0))
    assert state.locked
    assert step(MACHINE, state, Operation(code, 1, 1)) == ()
    assert len(step(MACHINE, state, Operation(OpCode.KMAP, 1, LOW))) == 1


def test_a_waiter_follows_somebody_else_who_has_mapped_its_page():
    state = with_foreign_slot(CROWD, crowded((1, 5)), 2, 2, CROWD.ptes[5])
    (outcome,) = step(CROWD, state, Operation(OpCode.KUNMAP, 0, 0))
    assert (outcome.rule, outcome.state.waiting, outcome.state.ones) == (
        "kunmap.wake+follow",
        (),
        2,
    )
    assert vector.get(outcome.state.slots, 2).count == 3


def test_a_waiter_that_meets_a_lost_count_loses_everything():
    state = with_foreign_slot(CROWD, crowded((1, 5)), 2, 2, CROWD.ptes[5])
    state = state._replace(
        slots=vector.put(state.slots, 2, vector.get(state.slots, 2)._replace(count=0))
    )
    outcomes = step(CROWD, state, Operation(OpCode.KUNMAP, 0, 0))
    assert {outcome.state.lost for outcome in outcomes} == {"kmap_lock is held by a dead task"}


def with_task(machine, state=None, **fields):
    state = initial(machine, empty_snapshot(machine)) if state is None else state
    return state._replace(tasks=(state.tasks[0]._replace(**fields), *state.tasks[1:]))


@pytest.mark.parametrize(
    ("kind", "code", "warns"),
    [
        ("local", OpCode.KMAP_LOCAL, 1),
        ("stack-debug", OpCode.KMAP_ATOMIC, 1),
        ("stack", OpCode.KMAP_ATOMIC, 0),
    ],
)
def test_mapping_in_a_hardirq_with_interrupts_on_is_told_once(kind, code, warns):
    machine = of_kind(kind)
    inside = with_task(machine, contexts=(Context(hard=True, remaining=9, irqs_off=False),))
    outcome = predict(machine, inside, Operation(code, 0, 1, 1))
    assert (outcome.observation.warns, outcome.state.warned) == (
        warns,
        {"push-hardirq"} if warns else frozenset(),
    )
    soft = with_task(machine, contexts=(Context(hard=False, remaining=9, irqs_off=False),))
    assert predict(machine, soft, Operation(code, 0, 1, 1)).observation.warns == 0
    off = with_task(
        machine, contexts=(Context(hard=True, remaining=9, irqs_off=False),), irqs_off=True
    )
    assert predict(machine, off, Operation(code, 0, 1, 1)).observation.warns == 0


def outside(machine, address):
    draft = Draft(
        machine, initial(machine, empty_snapshot(machine)), Operation(OpCode.KUNMAP_LOCAL), 0
    )
    local.unmap_outside(draft, address)
    return draft.rule, draft.state.warned


def test_unmapping_a_user_address_is_told():
    low = MACHINE.layout.page_offset
    assert outside(MACHINE, low - 1) == (".outside-user", {"unmap-user"})
    assert outside(MACHINE, low) == (".outside", frozenset())
    assert outside(of_kind("local-debug"), low - 1) == (".outside", {"unmap-outside"})


def test_a_hole_in_a_stack_is_not_put_back():
    windows = {MACHINE.layout.fix_kmap_begin + 1: 5}
    state = with_task(MACHINE, depth=2, saved=(MACHINE.ptes[1], 0, 0))._replace(
        windows=windows, current=2
    )
    now = predict(MACHINE, state, Operation(OpCode.NOP)).state.windows
    assert now == windows | {MACHINE.layout.fix_kmap_begin: MACHINE.ptes[1]}


@pytest.mark.parametrize(("kind", "deep"), [("stack-debug", 3), ("local", 2), ("local-debug", 2)])
def test_the_deepest_mapping_and_one_more(kind, deep):
    machine = of_kind(kind)
    maps = [Operation(OpCode.KMAP_ATOMIC, 0, page, page) for page in range(4)]
    state = after(*maps[:deep], machine=machine)
    outcome = predict(machine, state, maps[deep])
    assert outcome.observation.status is Status.DIED
    assert outcome.rule in ("stack.bug-depth", "local.bug-depth")


@pytest.mark.parametrize(("kind", "warns"), [("local", 1), ("local-debug", UNCLAIMED)])
def test_a_task_that_mapped_once_too_often_warns_of_what_lies_behind_its_entries(kind, warns):
    machine = of_kind(kind)
    maps = [Operation(OpCode.KMAP_ATOMIC, 0, page, page) for page in range(3)]
    seen = predict(machine, after(*maps[:2], machine=machine), maps[2]).observation
    assert (seen.status, seen.warns) == (Status.DIED, warns)


def test_a_stack_without_debug_goes_on_in_the_next_window():
    machine = of_kind("stack")
    maps = [Operation(OpCode.KMAP_ATOMIC, 0, page, page) for page in range(4)]
    outcome = predict(machine, after(*maps[:3], machine=machine), maps[3])
    assert outcome.rule == "atomic.map.nested.spill"
    assert outcome.observation.value == machine.layout.fixaddr(machine.layout.fix_kmap_begin + 3)


@pytest.mark.parametrize(
    ("code", "status"), [(OpCode.KUNMAP_ATOMIC, Status.DIED), (OpCode.IOUNMAP, Status.OK)]
)
def test_only_kunmap_atomic_looks_at_foreign_addresses(code, status):
    machine = of_kind("stack-debug")
    state = after(Operation(OpCode.KMAP_ATOMIC, 0, 1, 1), machine=machine)
    foreign = predict(machine, state, Operation(code, base=Base.PKMAP, reg=1))
    assert foreign.observation.status is status
    lowmem = predict(machine, state, Operation(code, base=Base.DIRECT, page=LOW))
    assert lowmem.observation.status is Status.OK


@pytest.mark.parametrize(
    ("kind", "code", "base", "status"),
    [
        ("stack-debug", OpCode.KUNMAP_ATOMIC, 0, Status.OK),
        ("stack-debug", OpCode.KUNMAP_ATOMIC, -1, Status.DIED),
        ("typed-debug", OpCode.KUNMAP_ATOMIC, 0, Status.OK),
        ("typed-debug", OpCode.KUNMAP_ATOMIC, -1, Status.DIED),
        ("stack", OpCode.KUNMAP_ATOMIC, -1, Status.OK),
        ("typed", OpCode.KUNMAP_ATOMIC, -1, Status.OK),
    ],
)
def test_the_direct_map_ends_before_high_memory(kind, code, base, status):
    machine = of_kind(kind)
    first, last = machine.layout.page_offset, machine.layout.high_memory
    state = after(Operation(OpCode.KMAP_ATOMIC, 0, 1, 1), machine=machine)
    for address in (first, last - 4096) if base == 0 else (last, last + 4096):
        op = Operation(code, base=Base.ABSOLUTE, offset=address, value=2)
        assert predict(machine, state, op).observation.status is status, hex(address)


def test_the_typed_window_unmaps_by_any_address_in_the_page():
    put, take = (
        Operation(OpCode.TYPED_MAP, 0, 1, 1),
        Operation(OpCode.TYPED_UNMAP, 0, reg=1, offset=8),
    )
    outcome = predict(MACHINE, after(put), take)
    assert (outcome.rule, outcome.observation.windows) == ("typed-window.unmap", ((0x8000, 0),))


def test_the_address_of_somebody_elses_slot():
    start = initial(MACHINE, empty_snapshot(MACHINE))
    seen = predict(
        MACHINE, with_foreign_slot(MACHINE, start, 2, 2, FOREIGN), set_pte(2, NO_PAGE)
    ).observation
    assert seen.slots == ((2, 2, 0, 0xFF00_2000),)


def test_the_address_of_a_page_that_was_put_and_taken_by_hand():
    state = after(*UNUSED, set_pte(1, 1))
    assert predict(MACHINE, state, set_pte(1, NO_PAGE)).observation.slots == ((1, 1, 0, 0),)


def test_a_slot_whose_pte_was_taken_by_hand_names_no_page_when_its_count_changes():
    """It diverged on a correct kernel (kmod/shadow.c, page_address_of_pte)."""
    state = after(Operation(OpCode.KMAP, 0, 0, 1), set_pte(1, NO_PAGE))
    seen = predict(MACHINE, state, Operation(OpCode.KUNMAP, 0, 0)).observation
    assert (seen.slots, seen.page_address) == (((1, 1, 0, 0),), 0xFF00_1000)


def test_changes_are_told_in_order():
    machine = small(slots=16)
    state = initial(machine, empty_snapshot(machine))
    for slot in (8, 1):
        state = with_foreign_slot(machine, state, slot, 1, FOREIGN)
    assert [change.slot for change in predict(machine, state, FLUSH).observation.slots] == [1, 8]


def test_what_contexts_add_to_the_counts():
    hard, soft = (Context(hard=hard, remaining=1, irqs_off=False) for hard in (True, False))
    both = ((hard, soft), (soft, hard), (hard, hard))
    assert [preempt_extra(one, rt=False) for one in both] == [0x10101, 0x10101, 0x20000]
    assert preempt_extra((soft, hard), rt=True) == 0x10000
    assert [migrate_extra(one, rt=True) for one in ((), (hard,), (soft,), (soft, soft))] == [
        0,
        0,
        2,
        4,
    ]
    assert migrate_extra((soft,), rt=False) == 0
