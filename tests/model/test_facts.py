"""What was seen on real kernels (docs/model.md, "Seen on real kernels"), predicted."""

import pytest

from harness.model.records import vector
from harness.model.records.layout import PTE_NX
from harness.model.records.machine import machine as of_layout
from harness.model.records.observation import SavedChange, SlotChange, Status, WindowChange
from harness.model.records.operation import NO_PAGE, Base, OpCode, Operation, Prot
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import predict, step
from tests.model.machines import LOCAL_DEBUG, LOCAL_PAE, LOCAL_RT, STACK_PAE, full, pages


class Guest:
    def __init__(self, machine, cursor=0):
        self.machine = machine
        self.state = initial(machine, empty_snapshot(machine, cursor=cursor))

    def do(self, code, task=0, **operands):
        outcome = predict(self.machine, self.state, Operation(code, task, **operands))
        assert outcome is not None
        self.state = outcome.state
        self.outcome = outcome
        return outcome.observation


HIGH, LOW = 0, 700


def test_first_kmap_after_boot_takes_slot_1():
    guest = Guest(full())
    seen = guest.do(OpCode.KMAP, page=3)
    pte = ((0x9000 + 9) << 12) | PTE_NX | 0x163
    assert seen.value == seen.page_address == 0xFF00_1000
    assert (seen.pte, seen.cursor, seen.flush_scans) == (pte, 1, 0)
    assert seen.slots == (SlotChange(1, 2, pte, 0xFF00_1000),)


def test_revived_slot_moves_nothing():
    guest = Guest(full())
    guest.do(OpCode.KMAP, page=3)
    guest.do(OpCode.KUNMAP, page=3)
    seen = guest.do(OpCode.KMAP, page=3)
    assert (seen.value, seen.cursor, seen.flush_scans) == (0xFF00_1000, 1, 0)
    assert guest.outcome.rule == "kmap.revive"


def test_wrap_flushes_all_cpus_once():
    guest = Guest(full(), cursor=510)
    guest.do(OpCode.KMAP, page=0)
    guest.do(OpCode.KUNMAP, page=0)
    seen = guest.do(OpCode.KMAP, page=1)
    assert (seen.cursor, seen.flush_scans, seen.flush_ranges, seen.flush_cpus) == (0, 1, 1, 2)
    assert seen.slots[1] == SlotChange(511, 0, 0, 0)


def test_sleeper_leaves_the_cursor_at_the_last_slot():
    guest = Guest(full())
    for page in range(512):
        guest.do(OpCode.KMAP, page=page)
    seen = guest.do(OpCode.KMAP, task=2, page=600, reg=9)
    assert (seen.status, seen.cursor, seen.waiters) == (Status.BLOCKED, 511, 1)
    assert (seen.flush_scans, seen.flush_ranges) == (1, 0)
    assert guest.do(OpCode.NOP, task=2).status is Status.REFUSED
    seen = guest.do(OpCode.KUNMAP, page=100)
    assert (seen.wakes, seen.flush_scans, seen.flush_ranges, seen.cursor) == (1, 1, 1, 101)
    assert [(done.task, done.result) for done in seen.done] == [(2, 0xFF06_5000)]
    assert vector.get(guest.state.registers, 9) == 0xFF06_5000


def test_any_of_the_woken_may_win():
    guest = Guest(full(tasks=(0, 1, 1, 1)))
    for page in range(512):
        guest.do(OpCode.KMAP, page=page)
    for task, page in ((1, 600), (2, 601), (3, 600)):
        guest.do(OpCode.KMAP, task=task, page=page)
    outcomes = step(guest.machine, guest.state, Operation(OpCode.KUNMAP, 0, 7))
    told = {
        (tuple(done.task for done in o.observation.done), o.observation.flush_scans)
        for o in outcomes
    }
    assert told == {((1, 3), 2), ((2,), 3)}
    assert {o.observation.cursor for o in outcomes} == {511}


@pytest.mark.parametrize(
    ("layout", "page", "delta"),
    [
        (LOCAL_PAE, HIGH, (1, 1, 1, 1)),
        (LOCAL_PAE, LOW, (1, 1, 0, 0)),
        (LOCAL_RT, HIGH, (0, 1, 2, 1)),
        (LOCAL_RT, LOW, (0, 1, 1, 0)),
        (STACK_PAE, HIGH, (0, 1, 0, 1)),
        (STACK_PAE, LOW, (0, 1, 0, 0)),
    ],
)
def test_bookkeeping_of_kmap_atomic(layout, page, delta):
    guest = Guest(full(layout))
    seen = guest.do(OpCode.KMAP_ATOMIC, page=page, reg=1)
    assert (seen.preempt, seen.pagefault, seen.migrate, seen.depth) == delta
    seen = guest.do(OpCode.KUNMAP_ATOMIC, reg=1)
    assert (seen.preempt, seen.pagefault, seen.migrate, seen.depth) == (0, 0, 0, 0)


def test_slot_addresses_fall_with_depth_and_cpu():
    guest = Guest(full())
    assert guest.do(OpCode.KMAP_LOCAL, page=0, reg=1).value == 0xFFFB_B000
    assert guest.do(OpCode.KMAP_LOCAL, page=1, reg=2).value == 0xFFFB_A000
    assert guest.do(OpCode.KMAP_LOCAL, task=2, page=2, reg=3).value == 0xFFFA_B000
    stack = Guest(full(STACK_PAE))
    assert stack.do(OpCode.KMAP_ATOMIC, task=2, page=2, reg=3).value == 0xFFFA_7000
    debug = Guest(full(LOCAL_DEBUG))
    assert debug.do(OpCode.KMAP_LOCAL, page=0).value == 0xFFFB_A000
    assert debug.do(OpCode.KMAP_LOCAL, page=LOW).value == 0xFFFB_8000


def test_sixteenth_local_mapping_is_a_bug():
    guest = Guest(full())
    for depth in range(15):
        assert guest.do(OpCode.KMAP_LOCAL, page=depth, reg=depth).depth == depth + 1
    seen = guest.do(OpCode.KMAP_LOCAL, page=20, reg=20)
    assert (seen.status, seen.depth, seen.warns, seen.invlpgs) == (Status.DIED, 16, 1, 15)
    assert len(seen.windows) == 15


def test_twentyfirst_atomic_mapping_of_5_10_is_in_the_next_window():
    guest = Guest(full(STACK_PAE))
    for depth in range(20):
        guest.do(OpCode.KMAP_ATOMIC, page=depth, reg=depth)
    assert guest.do(OpCode.KMAP_ATOMIC, page=30, reg=30).value == 0xFFFA_7000


def test_wrong_order_takes_the_top_and_warns_once():
    guest = Guest(full())
    a = guest.do(OpCode.KMAP_LOCAL, page=1, reg=1)
    guest.do(OpCode.KMAP_LOCAL, page=2, reg=2)
    seen = guest.do(OpCode.KUNMAP_LOCAL, reg=1)
    assert seen.windows == (WindowChange(69, 0),)
    assert seen.saved == (SavedChange(1, 0),)
    assert (seen.warns, seen.invlpg_address, seen.pte) == (1, a.value, a.pte)
    outcomes = step(guest.machine, guest.state, Operation(OpCode.READ, 0, reg=2))
    assert {o.observation.status for o in outcomes} == {Status.OK, Status.FAULT}
    seen = guest.do(OpCode.KUNMAP_LOCAL, reg=2)
    assert (seen.windows, seen.warns) == ((WindowChange(68, 0),), 0)


def test_other_task_sees_the_windows_change_hands():
    guest = Guest(full())
    guest.do(OpCode.KMAP_LOCAL, page=1, reg=1)
    seen = guest.do(OpCode.NOP, task=1)
    assert seen.windows == (WindowChange(68, 0),)
    seen = guest.do(OpCode.READ, task=0, reg=1)
    assert (seen.status, seen.value) == (Status.OK, 0)
    assert [change.index for change in seen.windows] == [68]


def test_kmap_to_page_misses_slot_0_of_cpu_0():
    guest = Guest(full())
    guest.do(OpCode.KMAP_LOCAL, page=1, reg=1)
    guest.do(OpCode.KMAP_LOCAL, page=2, reg=2)
    seen = guest.do(OpCode.KMAP_TO_PAGE, reg=1)
    assert (seen.value, seen.warns, guest.outcome.known) == (0x3FFBB, 0, "kmap_to_page-slot0")
    seen = guest.do(OpCode.KMAP_TO_PAGE, reg=2)
    assert (seen.value, seen.warns, guest.outcome.known) == (0x9000 + 6, 1, None)


def test_beside_the_windows_nothing_happens():
    guest = Guest(full())
    guest.do(OpCode.KMAP_LOCAL, page=1, reg=1)
    for index in (67, 580):
        seen = guest.do(OpCode.KUNMAP_LOCAL, base=Base.FIXMAP, reg=index)
        assert (seen.depth, seen.windows, seen.warns, seen.invlpgs) == (1, (), 0, 0)
    assert guest.do(OpCode.KUNMAP_LOCAL, base=Base.PKMAP, reg=5).depth == 1


def test_entry_set_by_hand_is_a_bug():
    guest = Guest(full())
    seen = guest.do(OpCode.SET_PTE, page=5, base=Base.FIXMAP, reg=68)
    assert [change.index for change in seen.windows] == [68]
    assert guest.do(OpCode.KMAP_LOCAL, page=1, reg=1).status is Status.DIED


def test_double_kunmap_holds_the_lock_for_ever():
    guest = Guest(full())
    guest.do(OpCode.KMAP, page=1)
    guest.do(OpCode.KUNMAP, page=1)
    seen = guest.do(OpCode.KUNMAP, page=1)
    assert (seen.status, seen.slots[0].count, guest.state.locked) == (Status.DIED, 0, True)
    assert step(guest.machine, guest.state, Operation(OpCode.KMAP, 1, 2)) == ()
    assert guest.do(OpCode.KMAP_LOCAL, task=1, page=2, reg=1).status is Status.OK


def test_protections_and_data():
    guest = Guest(full())
    guest.do(OpCode.KMAP_LOCAL_PROT, page=1, reg=1, prot=Prot.RO)
    assert guest.outcome.observation.pte & 0xFFF == 0x161
    assert guest.do(OpCode.WRITE, reg=1, value=7).status is Status.FAULT
    guest.do(OpCode.KMAP, page=1, reg=2)
    assert guest.do(OpCode.WRITE, reg=2, offset=6, value=0x11223344).status is Status.OK
    assert guest.do(OpCode.READ, reg=1, offset=6).value == 0x11223344
    assert guest.do(OpCode.READ, reg=1, offset=8).value == 0x1122


def test_old_releases_lack_what_came_later():
    lacking = LOCAL_RT._replace(kmap_atomic_prot=False, to_page_local=False)
    old = of_layout(lacking, pages(3), (0,))
    guest = Guest(old)
    assert guest.do(OpCode.KMAP_ATOMIC_PFN, page=1).status is Status.NOT_APPLICABLE
    guest.do(OpCode.KMAP_ATOMIC, page=1, reg=1)
    guest.do(OpCode.KMAP_TO_PAGE, reg=1)
    assert guest.outcome.known == "kmap_to_page-atomic"
    assert NO_PAGE == 0xFFFF


def test_interrupt_stacks_on_the_task_it_interrupts():
    guest = Guest(full())
    guest.do(OpCode.KMAP_LOCAL, page=1, reg=1)
    assert guest.do(OpCode.HARDIRQ, value=2).preempt == 0
    seen = guest.do(OpCode.KMAP_ATOMIC, page=2, reg=2)
    assert (seen.value, seen.depth, seen.preempt) == (0xFFFB_A000, 2, 0x10001)
    assert guest.do(OpCode.KUNMAP_ATOMIC, reg=2).preempt == 0x10000
    assert guest.do(OpCode.NOP).preempt == 0
