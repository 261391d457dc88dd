"""What ends a guest once, and does not end it again, is no verdict on the kernel."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.check.checked_program import CheckedKind, checked_programs
from harness.compare.divergence import Layer, ProgramResult, Verdict
from harness.guest.shape import Shape
from harness.mutants.score import Detection, found_in
from harness.report.run_report import run_lines
from harness.run.confirm import confirmed
from harness.run.programs import Plan
from harness.run.run_request import RunRequest
from harness.run.run_result import KernelFacts, ProgramOutcome, RunResult
from harness.scenario.program import BOOT
from harness.trace.trace_records import Trouble
from tests.report import sample

CRASH = "the guest rebooted or panicked (QEMU says: guest-reset)"
PANIC = Trouble(-1, "panic", "Kernel panic - not syncing: once", ("Kernel panic",))


def program(name, **fields):
    result = ProgramResult(name, judged=4, complete=True, executes=name != BOOT, **fields)
    return ProgramOutcome(name, "", 0.0, result)


def result(*names, **fields):
    programs = (program(BOOT), *map(program, names))
    return RunResult(KernelFacts("k", "", "", "", ""), "", "", 1, programs=programs, **fields)


def crashed(*names):
    """A run whose last program ended the guest with a panic."""
    found = result(*names, crash=CRASH)
    found.programs[-1].result.ended = CRASH
    found.programs[-1].result.trouble.append(PANIC)
    return found


@pytest.fixture
def again(tmp_path):
    """Confirms a result by runs whose results are given; tells what was run."""

    class Again:
        request = RunRequest("k", None, Shape(), Plan((), 1, 100), tmp_path)

        def __init__(self):
            self.asked = []

        def __call__(self, first, *results):
            left = iter(results)

            def rerun(request):
                self.asked.append(request)
                return next(left)

            return confirmed(first, self.request, rerun)

    return Again()


def test_a_crash_that_comes_again_alone(again):
    found = again(crashed("a", "b"), crashed("b"))
    assert (found.verdict, found.exit_code) == (Verdict.DIVERGE, 1)
    assert found.confirmation.words == "2 of 2 runs"
    assert [one.plan.only for one in again.asked] == ["b"]
    assert not any(one.template or one.confirm or one.trace for one in again.asked)


def test_a_crash_that_needs_what_went_before(again):
    found = again(crashed("a", "b"), result("b"), crashed("a", "b"))
    assert (found.verdict, found.confirmation.words) == (Verdict.DIVERGE, "2 of 3 runs")
    assert [(one.plan.only, one.plan.until) for one in again.asked] == [("b", ""), ("", "b")]


def test_a_crash_that_does_not_come_again_is_unknown(again, tmp_path):
    found = again(crashed("a", "b"), result("b"), result("a", "b"))
    assert (found.verdict, found.exit_code, found.crash) == (Verdict.UNKNOWN, 3, "")
    assert found.troubles == ()
    text = "\n".join(run_lines(found))
    assert "1 of 3 runs" in text
    assert "Kernel panic - not syncing: once" in text
    for folder in (tmp_path, tmp_path / "again-1", tmp_path / "again-2"):
        assert str(folder) in text
        assert folder.is_dir()


def test_the_same_for_check_and_mutants(again):
    found = again(crashed("a", "b"), result("b"), result("a", "b"))
    kinds = {one.program: one.kind for one in checked_programs(found)}
    assert kinds == {
        BOOT: CheckedKind.AGREE,
        "a": CheckedKind.AGREE,
        "b": CheckedKind.UNKNOWN,
    } or (kinds["b"] is CheckedKind.UNKNOWN)
    assert found_in(found)[0] is Detection.ERROR


def test_a_run_that_the_host_ended_does_not_count(again):
    found = again(crashed("a"), result("a", error="QEMU was ended from outside"))
    assert (found.verdict, found.confirmation.words) == (Verdict.UNKNOWN, "1 of 1 run")


def test_another_failure_of_the_kernel_confirms_too(again):
    failed = result("a")
    failed.programs[-1].result.trouble.append(PANIC)
    assert again(crashed("a"), failed).verdict is Verdict.DIVERGE


def test_a_divergence_that_was_seen_stays(again):
    first = crashed("a")
    seen = sample.result(wrong=sample.wrong_frame).divergences
    first.programs[-1].result.divergences.extend(
        replace(one, layer=Layer.CONTRACT) for one in seen
    )
    found = again(first, result("a"))
    assert (found.verdict, found.exit_code) == (Verdict.DIVERGE, 1)
    assert "seen once" in "\n".join(run_lines(found))


def test_a_run_without_a_crash_is_not_run_again(again):
    found = result("a")
    assert again(found) is found
    assert Path(again.request.out).exists()
    assert not again.asked
