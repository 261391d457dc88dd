"""After a divergence the judge goes on from a re-read state, and knows what no snapshot shows."""

import pytest

from harness.compare.divergence import Verdict
from harness.compare.witness_comparison import windows_at_rest
from harness.model.records.observation import Snapshot, Status, TaskView
from harness.model.records.state import Phase
from harness.model.records.vector import get, items
from harness.trace.trace_records import End, Step, Sync
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
