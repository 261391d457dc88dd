"""What a kernel says while it boots belongs to the boot, whatever is run after it."""

import pytest

from harness.check.checked_program import CheckedKind, CheckedProgram
from harness.check.judging import merged
from harness.compare.divergence import Verdict
from harness.compare.known_bugs_file import our_known_bugs
from harness.compare.run_judge import RunJudge
from harness.guest.trouble import KernelTrouble, Recogniser, TroubleKind
from harness.run.program_run import RunContext, run_program
from harness.scenario.program import BOOT, boot
from harness.trace.trace_records import Header
from tests.compare.model_guest import FULL, LOCAL, RELEASES
from tests.run.model_target import ModelTarget

WARNING = (
    "------------[ cut here ]------------",
    "WARNING: CPU: 0 PID: 1 at mm/highmem.c:364 kmap_init+0x1/0x2",
    "---[ end trace 0000000000000000 ]---",
)
UP = "kmap-harness: agent up"
BROKEN_OFF = ("BUG: Bad page state in process swapper  pfn:12345",)


@pytest.mark.parametrize("lines", [WARNING, BROKEN_OFF, WARNING[:2]])
def test_a_complaint_before_the_agent_is_up_has_no_step(lines):
    """Also where all of the console is read later, as in a guest that counts instructions."""
    recogniser = Recogniser()
    for line in (*lines, UP, "kmap-harness: step 7"):
        recogniser.feed(line)
    (found,) = recogniser.take(marked=True)
    assert found.step is None


def judged(**arguments):
    target = ModelTarget(boot(), **arguments)
    judge = RunJudge(Header(RELEASES[LOCAL.generation], "", "", LOCAL, FULL, 0), our_known_bugs())
    end = run_program(RunContext(target, judge, lambda _: None, lambda _: None), boot())
    (result,) = judge.result().programs
    return end, result


def test_a_quiet_boot_agrees_though_it_has_no_step():
    end, result = judged()
    assert (end.failure, result.program, result.verdict) == (None, BOOT, Verdict.AGREE)
    assert result.syncs == 1


def test_a_complaint_is_the_boot_s():
    said = KernelTrouble(TroubleKind.WARNING, WARNING[1], WARNING)
    _, result = judged(troubles=[said])
    assert [one.title for one in result.unexplained] == [WARNING[1]]


def test_the_boots_of_several_guests_are_one_program():
    def of(kind):
        return CheckedProgram(BOOT, kind)

    other = CheckedProgram("a", CheckedKind.AGREE)
    good, bad = of(CheckedKind.AGREE), of(CheckedKind.CONTRACT)
    assert list(merged([good, other, good])) == [good, other]
    assert list(merged([good, other, bad])) == [bad, other]
    assert list(merged([])) == []
