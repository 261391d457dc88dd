"""Loads and stores, what a TLB may still believe, and what kmap_to_page answers."""

import random
from dataclasses import replace

import pytest

from harness.model.records.observation import UNCLAIMED, Status
from harness.model.records.operation import NO_PAGE, Base, OpCode, Operation, Prot
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.access import translations
from harness.model.rules.draft import Draft
from harness.model.rules.step import step
from tests.model.machines import LOCAL_PAE, small

pytestmark = pytest.mark.judges("access", "draft")

MACHINE = small(LOCAL_PAE, slots=4, tasks=(0, 1))
LAYOUT = MACHINE.layout
BEGIN = LAYOUT.fix_kmap_begin
LOW = 6
MAP, READ = Operation(OpCode.KMAP, page=0, reg=1), Operation(OpCode.READ, reg=1)
LOCAL = Operation(OpCode.KMAP_LOCAL, page=0, reg=1)


def after(*operations, machine=MACHINE):
    """The state after *operations*, each as its first outcome has it."""
    state = initial(machine, empty_snapshot(machine))
    for op in operations:
        state = step(machine, state, op)[0].state
    return state


def outcomes(*operations, machine=MACHINE):
    *first, last = operations
    return step(machine, after(*first, machine=machine), last)


def put(page, *, prot=Prot.KERNEL, reg=1):
    return Operation(OpCode.SET_PTE, page=page, reg=reg, prot=prot)


def at(address, code=OpCode.READ, **other):
    return Operation(code, base=Base.ABSOLUTE, offset=address, **other)


def test_memory_is_bytes():
    """A page as the model has it, and as bytes: words at any offset, over one another."""
    rng, page, state = random.Random(7), bytearray(4096), after(MAP)
    for _ in range(60):
        offset, value = (
            rng.choice((rng.randrange(24), 4092 - rng.randrange(9))),
            rng.getrandbits(32),
        )
        write = Operation(OpCode.WRITE, reg=1, offset=offset, value=value)
        state = step(MACHINE, state, write)[0].state
        page[offset : offset + 4] = value.to_bytes(4, "little")
        for near in (offset - 3, offset, offset + 2, offset + 4):
            near = min(max(near, 0), 4092)  # noqa: PLW2901
            (seen,) = step(MACHINE, state, READ._replace(offset=near))
            assert seen.observation.value == int.from_bytes(page[near : near + 4], "little"), near


def test_a_load_over_the_end_of_a_page_is_not_known():
    write = Operation(OpCode.WRITE, reg=1, value=5, offset=4092)
    told = [
        outcomes(MAP, write, READ._replace(offset=offset))[0].observation.value
        for offset in (4092, 4093)
    ]
    assert told == [5, UNCLAIMED]


@pytest.mark.parametrize(("offset", "claimed"), [(4092, True), (4093, False), (4095, False)])
def test_a_store_over_the_end_of_a_page_is_not_claimed(offset, claimed):
    assert bool(outcomes(MAP, Operation(OpCode.WRITE, reg=1, value=5, offset=offset))) is claimed


def test_the_direct_map_is_memory_as_well():
    first, end = LAYOUT.page_offset, LAYOUT.high_memory
    for address in (first, end - 4):
        (seen,) = outcomes(at(address))
        assert (seen.observation.status, seen.observation.value) == (Status.OK, UNCLAIMED)
    assert outcomes(at(end)) == ()
    write = Operation(OpCode.WRITE, base=Base.DIRECT, page=LOW, value=5, offset=8)
    assert outcomes(write, write._replace(code=OpCode.READ))[0].observation.value == 5
    draft = Draft(MACHINE, after(), Operation(OpCode.NOP), 0)
    assert translations(draft, 0xC100_0123) == (0x0100_0003,)


def test_somebody_elses_page_holds_what_nobody_knows():
    state = after(LOCAL)
    state = state._replace(windows={BEGIN: 0x7_7000_163})
    assert [one.observation.value for one in step(MACHINE, state, READ)] == [UNCLAIMED]
    assert (
        step(MACHINE, state, Operation(OpCode.WRITE, reg=1, value=1))[0].state.memory
        == state.memory
    )


@pytest.mark.parametrize(
    ("operations", "count"),
    [
        ((MAP, put(1)), 2), ((MAP, put(1), put(0)), 2), ((MAP, put(1), put(2)), 3),
        ((LOCAL, put(1)), 2),
        ((LOCAL, put(1), Operation(OpCode.INVLPG, reg=1, offset=0x123)), 1),
    ],
)  # fmt: skip
def test_what_was_set_by_hand_may_not_be_what_is_used(operations, count):
    assert len(outcomes(*operations, READ)) == count


@pytest.mark.parametrize(("task", "count"), [(0, 1), (1, 2)])
def test_an_invlpg_reaches_its_own_cpu(task, count):
    entry = {"base": Base.FIXMAP, "reg": BEGIN}
    sets = [Operation(OpCode.SET_PTE, page=page, **entry) for page in (1, 2)]
    assert (
        len(
            outcomes(
                *sets, Operation(OpCode.INVLPG, task, **entry), Operation(OpCode.READ, **entry)
            )
        )
        == count
    )


def test_an_old_translation_is_told_and_faults_by_its_own_rights():
    found = outcomes(MAP, put(1, prot=Prot.RO), Operation(OpCode.WRITE, reg=1, value=1))
    assert [(one.rule, one.observation.status) for one in found] == [
        ("write.fault", Status.FAULT), ("write.stale", Status.OK),
    ]  # fmt: skip
    found = outcomes(MAP, put(NO_PAGE), READ)
    assert [(one.rule, one.observation.status) for one in found] == [
        ("read.fault", Status.FAULT), ("read.stale", Status.OK),
    ]  # fmt: skip


def test_to_look_into_another_cpus_window_fills_ones_own_tlb():
    maps = LOCAL._replace(code=OpCode.KMAP_ATOMIC, task=1)
    again = (Operation(OpCode.KUNMAP_ATOMIC, 1, reg=1), maps._replace(page=1))
    assert len(outcomes(maps, *again, READ)) == 1
    assert len(outcomes(maps, READ, *again, READ)) == 2
    assert len(outcomes(maps, READ, *again, READ._replace(task=1))) == 1


ASK = OpCode.KMAP_TO_PAGE


@pytest.mark.parametrize("flatmem", [True, False])
@pytest.mark.parametrize(
    ("address", "known"),
    [
        (LAYOUT.page_offset, True), (LAYOUT.high_memory - 1, True), (LAYOUT.high_memory, False),
        (LAYOUT.fixaddr(BEGIN), False),
    ],
)  # fmt: skip
def test_an_address_that_is_no_mapping_gives_the_frame_of_plain_arithmetic(
    address, known, flatmem
):
    machine = replace(MACHINE, flatmem=flatmem)
    (seen,) = outcomes(at(address, ASK), machine=machine)
    frame = (address - LAYOUT.page_offset) >> 12
    assert seen.observation.value == (frame if flatmem or known else UNCLAIMED)


def test_a_window_entry_is_known_to_its_task_only():
    maps, ask = LOCAL._replace(task=1), Operation(ASK, 1, reg=1)
    (mine,) = outcomes(maps, ask)
    assert (mine.rule, mine.observation.value) == ("to-page.window", MACHINE.pages[0].pfn)
    (others,) = outcomes(maps, ask._replace(task=0))
    assert others.rule == "to-page.window-foreign"
    empty = at(LAYOUT.fixaddr(LAYOUT.window_index(1, 0)), ASK, task=1)
    assert [one.rule for one in outcomes(empty)] == ["to-page.window-foreign"]
