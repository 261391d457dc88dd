"""Correct kernels of another policy keep the contract, which mirrors no code."""

import pytest

from harness.model.records import vector
from harness.model.records.operation import OpCode, Operation
from harness.model.records.outcome import differences
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import lowest
from harness.model.rules import pkmap
from harness.model.rules.step import predict
from harness.model.search.explorer import explore
from tests.model.judged import check
from tests.model.machines import small
from tests.model.test_mutants import PKMAP, PKMAP_TWICE

original_release = pkmap.release


def scan_from_zero(d):
    if not d.state.zeros:
        pkmap.flush_all_zero(d)
    d.state = d.state._replace(
        cursor=lowest(d.state.zeros) if d.state.zeros else d.machine.layout.last_pkmap - 1
    )
    return d.state.cursor if d.state.zeros else -1


def scan_downwards(d):
    if not d.state.zeros:
        pkmap.flush_all_zero(d)
    d.state = d.state._replace(cursor=d.state.zeros.bit_length() - 1 if d.state.zeros else 0)
    return d.state.cursor if d.state.zeros else -1


def flush_early(d):
    """A batch: unused slots are flushed with every fresh mapping, before the array is full."""
    pkmap.flush_all_zero(d)
    return scan_from_zero(d)


def eager_release(d, page):
    """The last kunmap flushes at once."""
    woken = original_release(d, page)
    if not d.state.locked:
        pkmap.flush_all_zero(d)
    return woken


POLICIES = {
    "first free slot": ("find_slot", scan_from_zero),
    "last free slot": ("find_slot", scan_downwards),
    "flush in batches": ("find_slot", flush_early),
    "flush at once": ("release", eager_release),
}


@pytest.mark.long
@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("standard", [PKMAP, PKMAP_TWICE])
def test_policy_keeps_the_contract(name, standard, monkeypatch):
    function, policy = POLICIES[name]
    monkeypatch.setattr(pkmap, function, policy)
    machine, limits = standard
    found = explore(machine, limits)
    assert found.failure is None, found.failure
    assert found.states > 50


def test_it_is_still_another_behaviour(monkeypatch):
    machine = small(slots=4)
    start = initial(machine, empty_snapshot(machine))
    op = Operation(OpCode.KMAP, 0, 0)
    usual = predict(machine, start, op)
    monkeypatch.setattr(pkmap, "find_slot", scan_from_zero)
    other = predict(machine, start, op)
    assert differences(usual, other.observation) == ("value", "page_address", "cursor", "slots")
    monkeypatch.undo()
    assert check(machine, start, op, other.observation) == ()
    assert vector.get(other.state.slots, 0).count == 2
