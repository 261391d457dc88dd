"""Page helpers: what their pages hold, what they map, and what the module turns down."""

from random import Random
from zlib import crc32

import pytest

from harness.model.contract.contract import check
from harness.model.records import vector
from harness.model.records.helper import (
    HELPERS,
    HelperCall,
    HelperFlag,
    helper_call,
    helper_operation,
    operation_word,
)
from harness.model.records.machine import machine
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.page import Page, PageKind
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.rules.step import step
from tests.model.machines import LOCAL_DEBUG, LOCAL_PAE, LOCAL_RT, STACK_PAE

NEWEST = LOCAL_PAE._replace(helpers=0xFFFFF)
OLD_RT = LOCAL_RT._replace(folios=False, helpers=0xF8F, helpers_local=False)
PAGES = (
    *(Page(0x9000 + n, PageKind.FOLIO, n) for n in range(8)),
    *(Page(0x9100 + n, PageKind.HIGH, n) for n in range(2)),
    *(Page(0x1000 + n, PageKind.LOW, 255) for n in range(2)),
)
FOLIO, HIGH, LOW = 0, 8, 10
NUMBER = {kind.word: number for number, kind in HELPERS.items()}


def of(layout):
    return machine(layout, PAGES, (0, 1))


def start(guest):
    return initial(guest, empty_snapshot(guest))


def call(word, page, other=0, first=0, second=0, length=0, byte=0, task=0):
    return helper_operation(
        HelperCall(NUMBER[word], page, other, first, second, length, byte), task
    )


def only(guest, state, op):
    (outcome,) = step(guest, state, op)
    return outcome


def written(guest, state, page, data):
    words = {at: int.from_bytes(data[at : at + 4], "little") for at in range(0, 4096, 4)}
    return state.with_memory(page, words)


def held(state, pages):
    """Bytes of *pages*, word by word."""
    return b"".join(
        vector.get(state.memory, page).get(at, 0).to_bytes(4, "little")
        for page in pages
        for at in range(0, 4096, 4)
    )


def filled(guest, seed):
    rng, state = Random(seed), start(guest)
    for page in range(len(PAGES)):
        state = written(guest, state, page, rng.randbytes(4096))
    return state


# -- what the pages hold ----------------------------------------------------------------


@pytest.mark.parametrize("layout", [LOCAL_PAE, STACK_PAE, OLD_RT], ids=["local", "stack", "rt"])
def test_whole_pages(layout):
    guest = of(layout)
    state = filled(guest, 1)
    source = held(state, [9])
    for word in ("copy_highpage", "copy_user_highpage"):
        after = only(guest, state, call(word, 8, 9))
        assert held(after.state, [8]) == held(after.state, [9]) == source
        assert after.observation.value == crc32(source + source)
    for word in ("clear_highpage", "clear_user_highpage"):
        after = only(guest, state, call(word, 8))
        assert held(after.state, [8]) == bytes(4096)
        assert after.observation.value == crc32(bytes(4096))
        assert held(after.state, [9]) == source


@pytest.mark.parametrize(
    ("first", "second", "length"), [(0, 0, 4096), (1, 2, 3), (4095, 4094, 1), (7, 9, 0)]
)
def test_copies_to_the_byte(first, second, length):
    guest = of(NEWEST)
    state = filled(guest, 2)
    for word, page, other in (
        ("memcpy_page", 8, 9),
        ("memcpy_from_page", 10, 9),
        ("memcpy_to_page", 8, 11),
        ("memcpy_from_folio", 10, 9),
        ("memcpy_to_folio", 8, 11),
        ("memcpy_folio", 8, 9),
    ):
        want = bytearray(held(state, [page]))
        source = held(state, [other])
        want[first : first + length] = source[second : second + length]
        after = only(guest, state, call(word, page, other, first, second, length))
        assert held(after.state, [page]) == want
        assert after.observation.value == crc32(bytes(want) + source)


def test_fills():
    guest = of(NEWEST)
    state = filled(guest, 3)
    for word, byte in (("memset_page", 0xAB), ("memzero_page", 0), ("zero_user", 0)):
        want = bytearray(held(state, [8]))
        want[3:7] = bytes([byte]) * 4
        after = only(guest, state, call(word, 8, first=3, length=4, byte=byte))
        assert held(after.state, [8]) == want


@pytest.mark.parametrize(
    ("ranges", "zeros"),
    [
        ((1, 3, 4093, 4095), {1, 2, 4093, 4094}),
        ((100, 50, 0, 0), set()),
        ((4096, 0, 4096, 4096), set()),
        ((5000, 4096, 0, 1), {0}),
    ],
)
@pytest.mark.parametrize("layout", [NEWEST, STACK_PAE], ids=["local", "stack"])
def test_ranges_that_end_before_they_begin_are_none(layout, ranges, zeros):
    guest = of(layout)
    state = filled(guest, 4)
    start1, end1, start2, end2 = ranges
    op = call("zero_user_segments", 8, end2, start1, start2, end1)
    after = only(guest, state, op)
    old, now = held(state, [8]), held(after.state, [8])
    assert [now[at] for at in range(4096)] == [0 if at in zeros else old[at] for at in range(4096)]
    mapped = 1 if zeros or layout is STACK_PAE else 0
    assert after.observation.invlpgs == mapped


def test_folios_are_written_across_their_pages():
    guest = of(NEWEST)
    state = filled(guest, 5)
    old = held(state, range(4))
    after = only(guest, state, call("folio_zero_segment", 2, first=4000, length=9000))
    assert held(after.state, range(4)) == old[:4000] + bytes(5000) + old[9000:]
    assert after.observation.value == crc32(held(after.state, range(4)))
    after = only(guest, state, call("folio_zero_tail", 0, first=8191))
    assert held(after.state, range(4)) == old[:8191] + bytes(8193)
    after = only(guest, state, call("folio_fill_tail", 0, 10, first=4000, second=5, length=300))
    data = held(state, [10])[5:305]
    assert held(after.state, range(4)) == old[:4000] + data + bytes(16384 - 4300)


# -- what is mapped on the way ----------------------------------------------------------


@pytest.mark.parametrize(
    ("op", "mapped"),
    [
        (call("copy_highpage", 8, 9), 2),
        (call("copy_highpage", 10, 9), 1),
        (call("copy_highpage", 10, 11), 0),
        (call("memcpy_from_page", 10, 9, length=4), 1),
        (call("folio_zero_range", 0, first=4000, length=5000), 3),
        (call("folio_zero_segments", 0, 16384, 0, 16383, 1), 2),
        (call("memcpy_to_folio", 0, 10, first=4000, length=200), 2),
        (call("memcpy_folio", 0, 4, first=4000, second=4050, length=100), 6),
        (call("folio_zero_tail", 0, first=4096), 3),
        (call("memcpy_from_folio", 10, 0, second=4096), 1),
    ],
)
def test_each_mapping_is_flushed_and_gone(op, mapped):
    guest = of(NEWEST)
    seen = only(guest, filled(guest, 6), op).observation
    assert seen.invlpgs == mapped
    assert (seen.depth, seen.preempt, seen.pagefault, seen.migrate) == (0, 0, 0, 0)
    assert (seen.windows, seen.saved, seen.pte) == ((), (), 0)


def test_lowmem_is_mapped_too_where_the_kernel_forces_it():
    guest = of(LOCAL_DEBUG)
    seen = only(guest, start(guest), call("copy_highpage", 10, 11)).observation
    assert seen.invlpgs == 2


def test_it_maps_on_top_of_what_the_task_holds():
    guest = of(LOCAL_PAE)
    state = only(guest, start(guest), Operation(OpCode.KMAP_LOCAL, 0, 8, 1)).state
    after = only(guest, state, call("clear_highpage", 9))
    layout = guest.layout
    assert after.observation.invlpg_address == layout.fixaddr(layout.window_index(0, 1))
    assert (after.observation.depth, after.state.windows) == (1, state.windows)
    assert after.slack == 2


def test_a_copy_without_room_is_a_bug():
    guest = of(LOCAL_PAE)
    state = start(guest)
    for reg in range(14):
        state = only(guest, state, Operation(OpCode.KMAP_LOCAL, 0, 8, reg)).state
    assert only(guest, state, call("clear_highpage", 9)).observation.status is Status.OK
    (bug,) = step(guest, state, call("copy_highpage", 8, 9))
    assert (bug.observation.status, bug.rule) == (Status.DIED, "helper.copy.bug")
    seen = bug.observation
    assert check(guest, state, call("copy_highpage", 8, 9), seen, (bug,)) == ()


def test_registers_stay():
    guest = of(LOCAL_PAE)
    state = start(guest).with_register(0, 77).with_register(9, 99)
    after = only(guest, state, call("copy_highpage", 8, 9)).state
    assert (vector.get(after.registers, 0), vector.get(after.registers, 9)) == (77, 99)


def test_nothing_is_claimed_where_an_old_translation_may_be_used():
    guest = of(LOCAL_PAE)
    layout = guest.layout
    address = layout.fixaddr(layout.window_index(0, 0))
    state = start(guest).with_stale({(0, address): (guest.ptes[9],)})
    assert step(guest, state, call("clear_highpage", 8)) == ()


# -- what is turned down ----------------------------------------------------------------


@pytest.mark.parametrize(
    "op",
    [
        Operation(OpCode.HELPER, page=8, value=20 << 24),
        call("clear_highpage", 12),
        call("copy_highpage", 8, 8),
        call("copy_highpage", 8, 12),
        call("memcpy_folio", 0, 3, length=1),
        call("memcpy_from_page", 8, 9, length=1),
        call("memcpy_to_page", 8, 9, length=1),
        call("memset_page", 8, first=4096, length=1),
        call("memcpy_page", 8, 9, 0, 1, 4096),
        call("zero_user_segments", 8, 4097, 0, 0, 0),
        call("zero_user_segments", 8, 0, 0, 0, 4097),
        call("folio_zero_range", 0, first=16384),
        call("folio_zero_segment", 0, length=16385),
        call("memcpy_from_folio", 10, 0, second=16384),
        call("folio_fill_tail", 0, 10, first=4000, length=96),
    ],
)
def test_senseless_calls_are_refused(op):
    guest = of(NEWEST)
    (outcome,) = step(guest, start(guest), op)
    assert outcome.observation.status is Status.REFUSED
    assert outcome.state.memory == start(guest).memory


def test_a_helper_that_the_kernel_lacks_does_not_apply():
    guest = of(STACK_PAE)
    (outcome,) = step(guest, start(guest), call("memset_page", 8, length=1))
    assert outcome.observation.status is Status.NOT_APPLICABLE
    bare = of(STACK_PAE._replace(helpers=0))
    (outcome,) = step(bare, start(bare), call("clear_highpage", 8))
    assert outcome.observation.status is Status.NOT_APPLICABLE


def test_page_address_is_not_asked_for_where_its_lock_would_sleep():
    guest = of(LOCAL_RT)
    state = only(guest, start(guest), Operation(OpCode.IRQ_OFF)).state
    assert only(guest, state, call("copy_highpage", 8, 9)).observation.status is Status.OK
    seen = only(guest, state, call("copy_user_highpage", 8, 9)).observation
    assert seen.status is Status.REFUSED


# -- the record, and the contract ---------------------------------------------------------


@pytest.mark.parametrize("number", HELPERS)
def test_a_call_comes_back_from_its_operation(number):
    one = HelperCall(number, 3, 4, 0x7FFF, 0x7FFE, 0x7FFD, 0xAB)
    assert helper_call(helper_operation(one, 1)) == one
    assert operation_word(helper_operation(one)) == HELPERS[number].word
    assert operation_word(Operation(OpCode.KMAP)) == "kmap"


def test_flags_agree_with_operands():
    for kind in HELPERS.values():
        names = {field.name for field in kind.operands}
        copies = HelperFlag.COPIES in kind.flags
        assert copies == ("OTHER" in names)
        assert (HelperFlag.RANGE in kind.flags) == ("FIRST" in names)
        assert (HelperFlag.SEGMENTS in kind.flags) == ("END" in names)
        assert copies or not kind.flags & (HelperFlag.INTO_BUFFER | HelperFlag.FROM_BUFFER)


@pytest.mark.parametrize(
    ("changes", "rules"),
    [
        ({}, []),
        ({"value": 5}, ["contents"]),
        ({"depth": 1, "migrate": 1}, ["depth"]),
        ({"preempt": 1}, ["preempt"]),
        ({"pagefault": 1}, ["pagefault"]),
        ({"status": Status.DIED}, ["ending"]),
        ({"invlpgs": 7}, []),
    ],
)
def test_the_contract_of_helpers(changes, rules):
    guest = of(LOCAL_PAE)
    state, op = filled(guest, 7), call("copy_highpage", 8, 9)
    outcome = only(guest, state, op)
    seen = outcome.observation._replace(**changes)
    found = [one.rule for one in check(guest, state, op, seen, (outcome,))]
    assert [rule for rule in found if rule in rules or not rules] == rules


def test_a_folio_mapping_has_its_offset():
    guest = of(LOCAL_PAE)
    op = Operation(OpCode.KMAP_LOCAL_FOLIO, 0, 1, 1, value=5000)
    outcome = only(guest, start(guest), op)
    seen = outcome.observation
    assert (seen.value % 4096, seen.pte) == (904, guest.ptes[1])
    for value, rule in ((seen.value - 4, "window-offset"), (seen.value + 4096, "window")):
        found = check(guest, start(guest), op, seen._replace(value=value), (outcome,))
        assert rule in {one.rule for one in found}
    low = Operation(OpCode.KMAP_LOCAL_FOLIO, 0, LOW, 1, value=8)
    assert only(guest, start(guest), low).observation.value == guest.direct[LOW] + 8
    (outcome,) = step(guest, start(guest), op._replace(value=16384))
    assert outcome.observation.status is Status.REFUSED
    (outcome,) = step(guest, start(guest), op._replace(page=HIGH, value=4096))
    assert outcome.observation.status is Status.REFUSED
