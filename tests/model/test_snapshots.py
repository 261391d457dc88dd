"""States from snapshots: what these may leave out, and what is kept when a comparison goes on."""

import pytest

from harness.model.records import vector
from harness.model.records.layout import UNBOUND
from harness.model.records.operation import OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, fresh_task, initial, resync
from harness.model.records.state import Phase
from harness.model.rules.step import step
from tests.model.kinds import of_kind

pytestmark = pytest.mark.judges("state")

GUEST = of_kind("local")
EMPTY = empty_snapshot(GUEST)


@pytest.mark.parametrize(("kind", "saved"), [("local", (0, 0, 0)), ("stack", ()), ("typed", ())])
def test_a_fresh_task(kind, saved):
    nothing = (0, 0, 0, False, (), -1, 0, None, -1)
    assert fresh_task(of_kind(kind), UNBOUND) == (Phase.READY, 0, UNBOUND, 0, saved, *nothing)
    assert fresh_task(of_kind(kind), 1) == (Phase.READY, 1, 1, 0, saved, *nothing)


@pytest.mark.parametrize("known", [(), (0xFF00_1000,), (0xFF00_1000, 0, 0xFF00_2000)])
def test_pages_that_are_newer_than_the_snapshot_have_no_address(known):
    state = initial(GUEST, EMPTY._replace(page_addresses=known))
    assert list(vector.items(state.where)) == [*known, *[0] * (5 - len(known))]


def test_a_snapshot_whose_parts_do_not_fit_is_none():
    with pytest.raises(ValueError, match="zip"):
        initial(GUEST, EMPTY._replace(ptes=EMPTY.ptes[1:]))
    with pytest.raises(ValueError, match="zip"):
        resync(GUEST.with_tasks((0,)), initial(GUEST, EMPTY), EMPTY)


def test_a_task_that_was_sent_may_run_there_after_a_divergence():
    sent = step(GUEST, initial(GUEST, EMPTY), Operation(OpCode.MIGRATE, 0, value=1))[0].state
    assert [task.allowed for task in resync(GUEST, sent, EMPTY).tasks] == [1, 0, 1, UNBOUND]
