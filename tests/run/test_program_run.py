"""A program driven through a target: the records in their order, failures on the way, what is
judged.
"""

import pytest

from harness.compare.divergence import Verdict
from harness.compare.known_bugs_file import our_known_bugs
from harness.compare.run_judge import RunJudge
from harness.guest.failure import GuestHungError, QemuExitedError, WireError
from harness.guest.trouble import KernelTrouble, TroubleKind
from harness.run import program_run as session_module
from harness.run.program_run import RunContext, run_program
from harness.trace.trace_records import Begin, End, Header, Step, Sync, Trouble
from tests.compare.model_guest import FULL, LOCAL, RELEASES, program

from .model_target import ModelTarget

TEXT = """tasks: a@0
pages: high 3
for i in 0..2 { a: m0 = kmap h[i]; a: write m0 i; a: kunmap h[i] }
"""
HEADER = Header(RELEASES[LOCAL.generation], "", "", LOCAL, FULL, 0)


def run(text=TEXT, **arguments):
    made = program(text)
    target = ModelTarget(made, **arguments)
    records = []
    judge = RunJudge(HEADER, our_known_bugs())
    finished = run_program(RunContext(target, judge, records.append, lambda steps: None), made)
    return finished, records, judge.result(), target


def kinds(records):
    return [type(record) for record in records]


def test_a_program_that_agrees():
    finished, records, result, target = run()
    assert finished.failure is None
    assert kinds(records) == [Begin, *[Step] * 9, Sync, End]
    assert (result.verdict, result.steps) == (Verdict.AGREE, 9)
    assert target.calls[-1] == "reset"


def test_another_observation_is_a_divergence_and_the_run_goes_on():
    """Seen to fail without the change of the observation: then it agrees."""
    finished, records, result, _ = run(
        wrong=lambda step, seen: seen._replace(pte=seen.pte ^ 0x40000000) if step == 3 else seen
    )
    assert finished.failure is None
    assert result.verdict is Verdict.DIVERGE
    assert [(one.step, one.fields) for one in result.divergences] == [(3, ("pte",))]
    assert isinstance(records[-1], End)


@pytest.mark.parametrize("call", ["pool", "tasks", "snapshot", "submit", "collect", "witness"])
def test_a_failure_anywhere_ends_the_program_with_what_was_judged(call):
    error = QemuExitedError("QEMU ended with signal SIGKILL")
    finished, records, result, _ = run(fails={call: error})
    assert finished.failure is error
    assert records[-1].reason == error.message
    assert result.verdict is Verdict.ERROR
    assert result.steps == (9 if call == "witness" else 0)
    assert not result.divergences


def test_a_reset_that_fails_keeps_the_result_and_ends_the_run():
    """Was raised out of the run, and the divergences found were lost with it."""
    error = WireError("RESET was refused")
    finished, _, result, _ = run(fails={"reset": error})
    assert finished.failure is error
    assert (result.verdict, result.steps) == (Verdict.AGREE, 9)


def test_a_hang_names_the_step_in_progress():
    finished, records, _, _ = run(
        fails={"collect": GuestHungError("the guest fell silent", hint="look")}
    )
    assert finished.failure.message == "<text>:3 step 2: a: kunmap h0: the guest fell silent"
    assert finished.failure.hint == "look"
    assert records[-1].reason == finished.failure.message


def test_a_long_program_is_synchronised_on_the_way(monkeypatch):
    monkeypatch.setattr(session_module, "SYNC_STEPS", 512)
    text = "tasks: a@0\npages: high 1\nfor i in 0..999 { a: m0 = kmap h0; a: kunmap h0 }\n"
    _, records, result, _ = run(text)
    assert kinds(records).count(Sync) >= 2
    assert (result.verdict, result.steps) == (Verdict.AGREE, 2000)


def test_a_state_in_doubt_is_read_again_at_once():
    text = "tasks: a@0\npages: high 1\nfor i in 0..1999 { a: m0 = kmap h0; a: kunmap h0 }\n"
    _, records, _, _ = run(
        text, wrong=lambda step, seen: seen._replace(wakes=1) if step == 3 else seen
    )
    at = kinds(records).index(Sync)
    assert at < 1600, (
        "the first synchronisation point comes with the requests in flight, not at the end"
    )


def test_trouble_goes_to_the_step_that_its_marker_names():
    trouble = KernelTrouble(
        TroubleKind.WARNING, "WARNING: at mm/highmem.c:611", ("WARNING",), step=104
    )
    _, records, result, _ = run(troubles=[trouble])
    found = [record for record in records if isinstance(record, Trouble)]
    assert [(one.step, one.title) for one in found] == [(4, trouble.title)]
    assert [one.step for one in result.programs[0].unexplained] == [4]


def test_trouble_of_no_known_step_waits_for_the_end():
    text = "tasks: a@0\npages: high 1\nfor i in 0..1999 { a: m0 = kmap h0; a: kunmap h0 }\n"
    trouble = KernelTrouble(TroubleKind.WARNING, "WARNING: at mm/highmem.c:611", ("WARNING",))
    _, records, _, _ = run(text, troubles=[trouble])
    order = [kind for kind in kinds(records) if kind in (Step, Trouble)]
    assert order.count(Trouble) == 1
    assert order[-1] is Trouble
