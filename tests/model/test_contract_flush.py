"""The contract of TLBs: what is reused or left stale is a violation, unless the caller did it."""

import pytest

from harness.model.contract import contract_flush
from harness.model.records.observation import Status
from harness.model.rules import local, pkmap
from harness.model.rules.step import step
from tests.model.judged import run
from tests.model.test_contract_pkmap import found

pytestmark = pytest.mark.judges("contract_flush", "leftovers")

KMAP = "0 KMAP page=0 reg=1"
FLUSH = f"{KMAP}; 0 KUNMAP page=0; 0 FLUSH_UNUSED"
BY_HAND = "0 SET_PTE page=1 base=PKMAP reg=2"
LOCALS = "0 KMAP_LOCAL page=0 reg=1; 0 KMAP_LOCAL page=1 reg=2"
OUT_OF_ORDER = f"{LOCALS}; 0 KUNMAP_LOCAL reg=1"
LOOKED_IN = "0 KMAP_LOCAL page=0 reg=1; 2 READ reg=1; 0 KUNMAP_LOCAL reg=1"


@pytest.mark.parametrize(
    ("program", "names"),
    [
        (KMAP, ["reuse-unflushed"]), ("0 NOP", ["reuse-unflushed"]), (FLUSH, ["reuse-unflushed"]),
        (LOOKED_IN, ["reuse-unflushed"]), (f"{BY_HAND}; {KMAP}", []), (BY_HAND, []),
        (OUT_OF_ORDER, []), (f"{OUT_OF_ORDER}; 0 NOP", []),
    ],
)  # fmt: skip
def test_an_address_is_not_used_again_while_a_cpu_has_the_old_translation(program, names):
    seen = run("local", program)
    assert found(contract_flush.reused, seen) == []
    lie = seen.but(stale_reused=1)
    assert found(contract_flush.reused, lie) == names
    assert found(contract_flush.reused, lie, "stale_reused") == []


@pytest.mark.parametrize(
    ("program", "changes", "names"),
    [
        (FLUSH, {}, ["attribute-unflushed"]), (KMAP, {}, []), (f"{BY_HAND}; {FLUSH}", {}, []),
        (FLUSH, {"status": Status.REFUSED}, []),
    ],
)  # fmt: skip
def test_a_change_of_attributes_leaves_no_translation(program, changes, names):
    seen = run("local", program)
    assert found(contract_flush.attributes, seen) == []
    lie = seen.but(stale_left=2, **changes)
    assert found(contract_flush.attributes, lie) == names
    assert found(contract_flush.attributes, lie, "stale_left") == []


def last(program, kind="local"):
    one = run.__wrapped__(kind, program)
    (outcome,) = step(one.machine, one.before, one.op)
    return outcome


def told(outcome):
    seen = outcome.observation
    return seen.stale_address, seen.stale_reused, seen.stale_left


AT_1, WINDOW = 0xFF001000, 0xFFFBB000
REMAP = f"{FLUSH}; 0 KMAP page=1 reg=2; 0 KUNMAP page=1; 0 KMAP page=2 reg=2; 0 KMAP page=3 reg=3"


def without_tlb(flush):
    def omit(d):
        flush(d)
        d.flush_ranges = 0

    return omit


def test_a_slot_that_was_not_flushed_is_left_then_reused(monkeypatch):
    assert told(last(FLUSH)) == (0, 0, 0)
    monkeypatch.setattr(pkmap, "flush_all_zero", without_tlb(pkmap.flush_all_zero))
    left = last(FLUSH)
    assert told(left) == (AT_1, 0, 1)
    assert left.state.unflushed == {AT_1}
    machine, op = run("local", KMAP).machine, run("local", "0 KMAP page=1 reg=2").op
    states = [left.state._replace(cursor=0)]
    again = step(machine, states[0], op)[0]
    assert told(again) == (AT_1, 1, 0)
    assert again.state.unflushed == frozenset()


def test_a_flush_with_the_pte_still_there_counts_for_nothing(monkeypatch):
    flush = pkmap.flush_all_zero

    def early(d):
        flush(d)
        d.flush_dirty = 1

    monkeypatch.setattr(pkmap, "flush_all_zero", early)
    assert told(last(FLUSH)) == (AT_1, 0, 1)


def unflushed_clear(d, address):
    d.set_window(d.machine.layout.fixindex(address), 0)


def test_an_entry_that_was_not_flushed_is_reused(monkeypatch):
    once = "0 KMAP_LOCAL page=0 reg=1; 0 KUNMAP_LOCAL reg=1"
    monkeypatch.setattr(local, "clear_top", unflushed_clear)
    assert told(last(once)) == (0, 0, 0)
    assert last(once).state.unflushed == {WINDOW}
    assert told(last(f"{once}; 0 KMAP_LOCAL page=1 reg=2")) == (WINDOW, 1, 0)


def test_after_misuse_nothing_is_claimed():
    assert told(last(f"{OUT_OF_ORDER}")) == (-1, -1, -1)
    assert told(last(f"{BY_HAND}; 0 NOP")) == (-1, -1, -1)
    assert told(last(LOOKED_IN)) == (0, 0, 0)
