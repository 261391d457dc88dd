"""After a divergence the judge goes on from a re-read state, and knows what no snapshot shows."""

import pytest

from harness.compare.criteria import standard_contract
from harness.compare.divergence import Layer, Verdict
from harness.compare.evidence_mask import FULL, evidence_mask
from harness.compare.witness_comparison import windows_at_rest
from harness.model.records.observation import Snapshot, Status, TaskView
from harness.model.records.state import Phase
from harness.model.records.vector import get, items
from harness.trace.trace_records import End, Step, Sync, WitnessView
from tests.compare.model_guest import LOCAL, ModelGuest, no_contract, program

TEXT = """tasks: a@0 b@1
pages: high 4
a: m0 = kmap h0
a: m5 = kmap h1
a: write m5 0x1234
b: m6 = kmap_local_page h2
b: write m6 0x5678
a: read m5
a: kunmap h1
b: read m6
b: kunmap_local m6
a: kunmap h0
"""
READ = 5


def snapshot(guest):
    """What the module would show of the state of *guest*, all tasks at rest."""
    state = guest.state
    slots = list(items(state.slots))
    return Snapshot(
        cursor=state.cursor,
        waiters=len(state.waiting),
        counts=tuple(slot.count for slot in slots),
        ptes=tuple(slot.pte for slot in slots),
        windows=(),
        tasks=tuple(
            TaskView(
                Status.BLOCKED if task.phase is Phase.BLOCKED else Status.OK,
                task.cpu,
                task.depth,
                task.saved,
            )
            for task in state.tasks
        ),
        cpu_depths=state.depths,
        page_addresses=tuple(get(state.where, page) for page in range(len(guest.machine.pages))),
    )


def broken(machine, state, operation, seen):
    return ("a rule of the contract",)


@pytest.mark.parametrize("contract", [no_contract, broken])
@pytest.mark.parametrize("wrong", range(READ))
def test_registers_words_and_counts_are_known_after_a_loss(wrong, contract):
    guest = ModelGuest(LOCAL, program(TEXT))
    judge = guest.judge(contract=contract)
    for number, operation in enumerate(guest.program.operations):
        if number == READ:
            rest = windows_at_rest(guest.machine, guest.state)
            guest.state = guest.state._replace(windows=rest, current=-1)
            judge.sync(Sync(number, snapshot(guest), None))
        step = Step(number, operation, guest.execute(operation))
        if number == wrong:
            step = step._replace(observation=step.observation._replace(waiters=7))
        judge.step(step)
    result = judge.end(End(len(guest.program.operations)))
    assert [one.step for one in result.divergences] == [wrong]
    assert result.unjudged == (READ - 1 - wrong if contract is broken else 0)
    assert result.judged == len(guest.program.operations) - result.unjudged
    assert result.verdict is Verdict.DIVERGE


SHARED = """tasks: a@0 b@1
pages: high 4
a: m0 = kmap h0
b: m1 = kmap h0
b: kunmap h0
a: kunmap h0
"""


def second_user_uncounted(synced, counts):
    """Divergences of a kernel that does not count the second kmap of a page.

    *synced*: after that step the guest shows *counts* for slot 1, inside and outside.
    """
    guest = ModelGuest(LOCAL, program(SHARED))
    judge = guest.judge(contract=standard_contract(evidence_mask(FULL)))
    shown = {1: (), 2: (1,), 3: ()}
    for number, operation in enumerate(guest.program.operations):
        step = Step(number, operation, guest.execute(operation))
        if number in shown:
            slots = step.observation.slots
            changed = tuple(
                one._replace(count=n) for n, one in zip(shown[number], slots, strict=False)
            )
            step = step._replace(observation=step.observation._replace(slots=changed))
        judge.step(step)
        if number == synced:
            seen = snapshot(guest)
            wrong = (*seen.counts[:1], counts, *seen.counts[2:])
            view = WitnessView(ptes=seen.ptes, windows=(), counts=wrong)
            judge.sync(Sync(number + 1, seen._replace(counts=wrong), view))
    found = judge.end(End(len(guest.program.operations))).divergences
    return [(one.step, one.layer, one.reasons[-1:]) for one in found[:3]]


USERS = "users: page 0: 1 kmaps not undone, 0 by the count"


def test_what_a_synchronisation_point_shows_does_not_hide_a_user_who_is_not_counted():
    first, state, last = second_user_uncounted(synced=1, counts=2)
    assert first == (1, Layer.BEHAVIOUR, ())
    assert state[:2] == (2, Layer.BEHAVIOUR)
    assert last == (2, Layer.CONTRACT, (USERS,))


def test_a_user_whom_only_the_operations_know_is_found_at_a_synchronisation_point():
    found = second_user_uncounted(synced=1, counts=1)
    assert found[1] == (2, Layer.CONTRACT, ("users: page 0: 2 kmaps not undone, 0 by the count",))
