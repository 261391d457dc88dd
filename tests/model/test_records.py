"""Layouts, machines, states read from snapshots, vectors: arithmetic by hand, against numbers of
real kernels.
"""

import pytest

from harness.model.records import vector
from harness.model.records.context_counts import HARDIRQ_OFFSET, SOFTIRQ_OFFSET
from harness.model.records.km_type import TYPE_NR, known_type, slot, typed_entry, typed_owner
from harness.model.records.layout import ADDRESS_MASK, FRAME_MASK, UNBOUND, Generation, Layout
from harness.model.records.machine import (
    HELD,
    REGISTERS,
    SLEEP_MAX,
    machine,
    missing_operations,
    protections,
)
from harness.model.records.observation import Snapshot, Status, TaskView
from harness.model.records.operation import OpCode, Operation, Prot
from harness.model.records.outcome import Outcome, differences
from harness.model.records.page import Page, PageKind
from harness.model.records.snapshots import (
    bits,
    empty_snapshot,
    fresh_task,
    initial,
    resync,
    with_foreign_slot,
)
from harness.model.records.state import Phase, Slot
from harness.model.rules.step import step
from tests.model.kinds import of_kind
from tests.model.machines import LOCAL_DEBUG, LOCAL_PAE, LOCAL_RT, STACK_PAE, pages, small

TYPED_WINDOW = LOCAL_PAE._replace(typed_top=0xC890_0000, typed_count=64)


def test_addresses_of_the_fixmap():
    assert LOCAL_PAE.fixaddr(68) == 0xFFFB_B000
    assert LOCAL_PAE.fixindex(0xFFFB_B123) == 68
    assert LOCAL_PAE.window_index(1, 3) == 68 + 16 + 3
    assert LOCAL_PAE._replace(fixaddr_top=0x1000).fixaddr(3) == 0xFFFF_E000


def test_addresses_of_the_typed_window():
    assert TYPED_WINDOW.fixaddr(0x8000) == 0xC890_0000
    assert TYPED_WINDOW.fixaddr(0x8001) == 0xC88F_F000
    assert TYPED_WINDOW._replace(typed_top=0x1000).fixaddr(0x8003) == 0xFFFF_E000
    assert TYPED_WINDOW.fixindex(0xC890_0FFF) == 0x8000
    assert TYPED_WINDOW.fixindex(0xC88F_F004) == 0x8001
    inside = [TYPED_WINDOW.in_typed(0xC890_0000 - (n << 12)) for n in (-1, 0, 63, 64)]
    assert inside == [False, True, True, False]
    assert TYPED_WINDOW.in_typed(0xC890_0FFF)


def test_addresses_of_pkmap():
    assert LOCAL_PAE.pkmap_address(3) == 0xFF00_3000
    assert LOCAL_PAE._replace(pkmap_base=0xFFFF_F000).pkmap_address(2) == 0x1000
    assert LOCAL_PAE.pkmap_slot(0xFF00_3FFF) == 3
    ends = (0xFEFF_FFFF, 0xFF00_0000, 0xFF1F_FFFF, 0xFF20_0000)
    assert [LOCAL_PAE.in_pkmap(a) for a in ends] == [
        False, True, True, False,
    ]  # fmt: skip


def test_what_a_layout_need_not_say():
    said = {name: 0 for name in Layout._fields if name not in Layout._field_defaults}
    plain = Layout(**said)
    assert (plain.prots, plain.pat, plain.to_page_local, plain.kmap_atomic_prot) == (
        (),
        False,
        True,
        True,
    )
    assert (plain.typed_top, plain.typed_count) == (0, 0)


def test_constants_of_the_wire_and_the_kernel():
    assert (ADDRESS_MASK, FRAME_MASK) == (0xFFFF_FFFF, 0x000F_FFFF_FFFF_F000)
    assert (HARDIRQ_OFFSET, SOFTIRQ_OFFSET) == (0x10000, 0x100)
    assert (UNBOUND, REGISTERS, HELD, SLEEP_MAX) == (255, 4096, 64, 1_000_000)
    assert TYPE_NR == (13, 19)


def test_protections_follow_from_that_of_the_kernel():
    nx = 1 << 63
    want = (nx | 0x163, nx | 0x161, nx | 0x17B, nx | 0x173, 0x163)
    assert protections(nx | 0x163) == want
    guest = machine(LOCAL_PAE, pages(1), (0,))
    assert guest.prots == (*want, nx | 0x173)
    assert guest.iomap_prots == (nx | 0x163, nx | 0x161, nx | 0x173, nx | 0x173, 0x163, nx | 0x173)


def test_a_machine_knows_its_pages():
    guest = machine(LOCAL_PAE, pages(2, 1), (0, UNBOUND))
    assert guest.ptes == tuple((pfn << 12) | (1 << 63) | 0x163 for pfn in (0x9000, 0x9003, 0x1000))
    assert guest.direct == (0, 0, 0xC100_0000)
    assert guest.ids == {0x9000: 0, 0x9003: 1, 0x1000: 2}
    assert (guest.window_low, guest.window_high) == (0xFFDB_C000, 0xFFFB_B000)
    assert guest.direct_address(0x40000) == 0
    assert (guest.local, guest.increment) == (True, 1)
    debug = machine(LOCAL_DEBUG, pages(1), (0,))
    assert (debug.increment, machine(STACK_PAE, pages(1), (0,)).local) == (2, False)
    assert guest.with_layout(LOCAL_DEBUG).increment == 2
    assert guest.with_tasks((1,)).tasks == (1,)
    assert guest.with_pages(pages(1)).ptes == guest.ptes[:1]


def test_a_machine_watches_the_windows_in_use_and_one_more():
    guest = machine(TYPED_WINDOW, pages(1), (0,))
    assert guest.watched == set(range(64, 68 + 48)) | set(range(0x8000, 0x8040))
    short = machine(LOCAL_PAE._replace(fix_kmap_end=68 + 20, online_cpus=2), pages(1), (0,))
    assert max(short.watched) == 68 + 20 + 4


def test_what_a_machine_assumes():
    guest = machine(LOCAL_PAE, pages(1), (0,))
    assert (guest.flatmem, guest.to_page_local, guest.missing) == (True, True, frozenset())
    bare = type(guest)(LOCAL_PAE, pages(1), (0,), guest.prots, guest.iomap_prots)
    assert (bare.flatmem, bare.to_page_local, bare.missing) == (True, True, frozenset())


def test_operations_by_generation():
    only = {
        *(OpCode.KMAP_LOCAL, OpCode.KMAP_LOCAL_PROT, OpCode.KMAP_LOCAL_PFN, OpCode.KUNMAP_LOCAL),
        *(OpCode.USER, OpCode.KMAP_LOCAL_FOLIO),
    }
    assert missing_operations(LOCAL_PAE) == frozenset()
    assert missing_operations(STACK_PAE) == only
    lacking = LOCAL_RT._replace(kmap_atomic_prot=False)
    assert missing_operations(lacking) == {OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN}
    older = LOCAL_PAE._replace(folios=False, helpers=0)
    assert missing_operations(older) == {OpCode.KMAP_LOCAL_FOLIO, OpCode.HELPER}


def test_ptes_of_operations():
    guest = of_kind("local-one-cpu")
    frame = 0x9003 << 12
    for code, want in (
        (OpCode.KMAP_LOCAL, 0x163), (OpCode.KMAP_LOCAL_PROT, 0x16B),
        (OpCode.KMAP_ATOMIC_PROT, 0x16B),
        (OpCode.IOMAP, 0x16B), (OpCode.KMAP_LOCAL_PFN, 0x163),
    ):  # fmt: skip
        assert guest.window_pte(Operation(code, page=1, prot=Prot.WC)) == frame | want
    assert guest.pte(1, Prot.RO) == frame | 0x161
    unpat = of_kind("local")
    assert unpat.window_pte(Operation(OpCode.IOMAP, page=1, prot=Prot.NOCACHE)) & 0xFFF == 0x173


@pytest.mark.parametrize(
    ("index", "cpu"), [(0, 0), (67, 0), (68, 0), (83, 0), (84, 1), (579, 31), (580, 31), (900, 31)]
)
def test_owner_of_an_entry(index, cpu):
    assert machine(LOCAL_PAE, pages(1), (0,)).window_owner(index) == cpu


def test_types_and_their_entries():
    known = [value for value in range(0x400) if known_type(value)]
    assert known == [*range(13), *range(0x100, 0x100 + 19)]
    assert [slot(3, debug=debug) for debug in (False, True)] == [3, 7]
    named = (0, 0), (12, 0), (3, 1), (0x100, 0), (0x112, 1)
    assert [typed_entry(value, cpu, 2) - 0x8000 for value, cpu in named] == [0, 12, 16, 26, 63]
    assert [typed_owner(0x8000 + entry, 2) for entry in (0, 12, 13, 25, 26, 44, 45, 63)] == [
        0,
        0,
        1,
        1,
        0,
        0,
        1,
        1,
    ]


def test_pages_are_of_highmem_but_for_one_kind():
    assert [Page(1, kind, 0).highmem for kind in PageKind] == [*(True, False, True, True, True)]
    assert [kind.value for kind in PageKind] == [1, 2, 3, 4, 5]


def test_vectors():
    numbers = vector.build(range(600))
    assert [len(branch) for branch in numbers] == [16, 16, 6]
    assert [len(leaf) for leaf in numbers[2]] == [16, 16, 16, 16, 16, 8]
    assert list(vector.items(numbers)) == list(range(600))
    assert [vector.get(numbers, at) for at in (0, 15, 16, 255, 256, 599)] == [
        0,
        15,
        16,
        255,
        256,
        599,
    ]
    for at in (0, 15, 16, 130, 255, 256, 599):
        changed = vector.put(numbers, at, -1)
        assert list(vector.items(changed)) == [-1 if n == at else n for n in range(600)]
        assert [a is b for a, b in zip(numbers, changed, strict=True)].count(False) == 1


def test_what_counts_as_a_difference():
    guest = small()
    state = initial(guest, empty_snapshot(guest))
    (outcome,) = step(guest, state, Operation(OpCode.KMAP, 0, 0))
    seen = outcome.observation
    assert (Outcome(seen, state, "x").known, Outcome(seen, state, "x").slack) == (None, 0)
    assert differences(outcome, seen) == ()
    assert differences(outcome, seen._replace(wakes=1, cursor=2)) == ("cursor", "wakes")
    unclaimed = outcome._replace(observation=seen._replace(pte=-1, cursor=7))
    assert differences(unclaimed, seen) == ("cursor",)
    more = seen._replace(invlpgs=2, invlpg_address=8, wakes=1)
    assert differences(outcome, more) == ("invlpgs", "invlpg_address", "wakes")
    assert differences(outcome._replace(slack=1), more) == ("wakes",)
    fewer = outcome._replace(slack=1, observation=seen._replace(invlpgs=3))
    assert differences(fewer, seen) == ("invlpgs",)
    same = outcome._replace(slack=1)
    assert differences(same, seen._replace(invlpg_address=8)) == ("invlpg_address",)


SNAPSHOT = Snapshot(
    cursor=2, waiters=1, counts=(0, 1, 2), ptes=(0, 0x9000_163, 0x9003_163),
    windows=((68, 5), (69, 0)),
    tasks=(
        TaskView(Status.OK, 1, 1, (7, 0)), TaskView(Status.BLOCKED, 0, 0, ()),
        TaskView(Status.DIED, 0, 2, (8, 9, 0, 4)),
    ),
    cpu_depths=(3, 4), page_addresses=(0xFF00_1000, 0xFF00_2000, 0x1234, 0),
)  # fmt: skip


def test_a_state_is_read_from_a_snapshot():
    guest = of_kind("local")
    state = initial(guest, SNAPSHOT, warned=frozenset({"x"}))
    assert (state.cursor, state.zeros, state.ones, state.waiting) == (2, 1, 2, (1,))
    assert list(vector.items(state.slots)) == [
        Slot(0, 0),
        Slot(1, 0x9000_163),
        Slot(2, 0x9003_163),
    ]
    assert list(vector.items(state.where)) == [0xFF00_1000, 0xFF00_2000, 0, 0, 0]
    assert (state.windows, state.depths, state.warned) == ({68: 5}, (3, 4), {"x"})
    first, second, third, fourth = state.tasks
    assert (first.phase, first.cpu, first.allowed, first.depth, first.saved, first.migrate) == (
        Phase.READY, 0, 0, 1, (7, 0, 0), 1,
    )  # fmt: skip
    assert (second.phase, second.saved) == (Phase.BLOCKED, (0, 0, 0))
    assert (third.phase, third.saved, third.depth, third.migrate) == (Phase.DEAD, (8, 9, 0), 2, 2)
    assert fourth == fresh_task(guest, UNBOUND)
    assert (fourth.phase, fourth.cpu, fourth.allowed, fourth.saved) == (
        Phase.READY,
        0,
        UNBOUND,
        (0, 0, 0),
    )
    assert fresh_task(guest, 1).cpu == 1
    assert list(vector.items(state.registers)) == [0] * 4096
    assert list(vector.items(state.memory)) == [{}] * 5
    assert (state.stale, state.current, state.spinning, state.lost, state.unflushed) == (
        {},
        -1,
        (),
        "",
        frozenset(),
    )
    assert not state.tampered
    assert not state.locked


def test_unbound_tasks_are_where_they_were_seen():
    guest = of_kind("local").with_tasks((UNBOUND,))
    assert initial(guest, SNAPSHOT).tasks[0].cpu == 1
    stack = of_kind("stack").with_tasks((UNBOUND, 0))
    state = initial(stack, SNAPSHOT._replace(cpu_depths=()))
    assert (state.depths, state.tasks[0].saved, state.tasks[0].depth) == ((0, 0), (0, 0), 0)
    assert initial(of_kind("stack-counted"), SNAPSHOT._replace(cpu_depths=())).depths == (0, 0, 0)
    assert bits([True, False, True]) == 5


def test_lowmem_pages_have_no_address_in_pkmap():
    guest = of_kind("local")
    known = SNAPSHOT._replace(page_addresses=(0, 0, 0, 0, 0xFF00_1000))
    assert vector.get(initial(guest, known).where, 4) == 0


def test_the_snapshot_of_an_unused_machine():
    guest = of_kind("local")
    empty = empty_snapshot(guest, cursor=2)
    assert (empty.cursor, empty.waiters, empty.counts, empty.ptes, empty.windows) == (
        2,
        0,
        (0,) * 3,
        (0,) * 3,
        (),
    )
    assert [task.cpu for task in empty.tasks] == [0, 0, 1, 0]
    assert {(task.status, task.depth, task.saved) for task in empty.tasks} == {
        (Status.OK, 0, (0, 0, 0))
    }
    assert (empty.cpu_depths, empty.page_addresses) == ((0, 0), (0, 0, 0, 0, 0xC100_0000))
    assert {task.saved for task in empty_snapshot(of_kind("stack")).tasks} == {()}
    assert empty_snapshot(guest).cursor == 0


def test_going_on_after_a_divergence_keeps_what_no_snapshot_shows():
    guest = of_kind("local")
    before = initial(guest, empty_snapshot(guest), warned=frozenset({"y"}))
    kept = {
        "registers": vector.put(before.registers, 3, 9),
        "memory": vector.put(before.memory, 1, {0: 1}),
        "stale": {(0, 4096): (5,)}, "locked": True, "tampered": True,
    }  # fmt: skip
    asleep = before.tasks[1]._replace(allowed=0, page=2, reg=5)
    before = before._replace(**kept, tasks=(before.tasks[0], asleep, *before.tasks[2:]))
    after = resync(guest, before, SNAPSHOT)
    for field, value in kept.items():
        assert getattr(after, field) == value
    assert after.warned == {"y"}
    assert (after.cursor, after.windows) == (2, {68: 5})
    assert after.tasks[1] == initial(guest, SNAPSHOT).tasks[1]._replace(page=2, reg=5)
    assert [task.allowed for task in after.tasks] == [0, 0, 1, UNBOUND]


def test_somebody_else_uses_a_slot():
    guest = of_kind("local")
    start = initial(guest, empty_snapshot(guest))
    ours, others = guest.ptes[1], 0x7_7000_163
    state = with_foreign_slot(guest, start, 1, 2, ours)
    assert (state.zeros, state.ones, vector.get(state.where, 1)) == (0b101, 0, 0xFF00_1000)
    assert vector.get(state.slots, 1) == Slot(2, ours)
    unused = with_foreign_slot(guest, state, 1, 1, ours)
    assert (unused.zeros, unused.ones, vector.get(unused.where, 1)) == (0b101, 0b010, 0xFF00_1000)
    clean = with_foreign_slot(guest, unused, 1, 0, ours)
    assert (clean.zeros, clean.ones, vector.get(clean.where, 1)) == (0b111, 0, 0)
    foreign = with_foreign_slot(guest, unused, 1, 2, others)
    assert (vector.get(foreign.where, 1), vector.get(foreign.slots, 1)) == (0, Slot(2, others))
    assert (foreign.zeros, foreign.ones) == (0b101, 0)
    elsewhere = start._replace(where=vector.put(start.where, 1, 0xFF00_2000))
    assert vector.get(with_foreign_slot(guest, elsewhere, 1, 2, ours).where, 1) == 0xFF00_2000
    zeroth = guest.with_pages((Page(0, PageKind.HIGH, 0), *guest.pages))
    zero = with_foreign_slot(zeroth, start, 1, 2, 0)
    assert vector.get(zero.where, 0) == 0


def test_somebody_else_moves_the_cursor_or_an_entry():
    guest = of_kind("local")
    start = initial(guest, empty_snapshot(guest))
    assert start.with_cursor(2) == start._replace(cursor=2)
    set_two = start.with_window(68, 5).with_window(69, 6)
    assert set_two.windows == {68: 5, 69: 6}
    assert set_two.with_window(68, 0).windows == {69: 6}
    assert set_two.with_window(68, 7).windows == {68: 7, 69: 6}
    assert start.windows == {}


def test_generations_are_told_by_name():
    assert [generation.value for generation in Generation] == ["typed", "stack", "local"]
