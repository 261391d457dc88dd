"""A long plan in two guests at once, the second driven by another process."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.base.progress import Quiet
from harness.check import lane as lane_module
from harness.check.checked_program import CheckedKind
from harness.check.helper_process import helper_process
from harness.check.judging import DIVIDED_FROM, KernelJudge, divided
from harness.check.lane import GUESTS_MOST, RESTORED_FROM, Lane, Workload
from harness.errors import InfrastructureError, KernelError
from harness.guest.shape import Shape
from harness.patch.apply import DoesNotApplyError
from harness.patch.patch import Patch
from harness.run.machine_check import WrongMachineError
from harness.run.programs import Plan
from harness.run.run_result import KernelFacts, ProgramOutcome, RunResult
from harness.scenario.scenario_parser import parse_scenario

from .fakes import REKMAP, ran

SCENARIO = parse_scenario(REKMAP)


@dataclass(frozen=True)
class Parts:
    """The fields of ``Prepared`` that a lane without guests needs."""

    kernel: SimpleNamespace


PREPARED = Parts(SimpleNamespace(name="fake", release="6.1", config_hash="c0ffee", pae=False))


@pytest.fixture(autouse=True)
def _no_image(monkeypatch):
    monkeypatch.setattr("harness.check.judging.keep_image", lambda kernel, folder: kernel)


def plan_of(count, **more):
    return Plan(
        tuple(replace(SCENARIO, file=f"s{number:02}.kmap") for number in range(count)), 1, **more
    )


def names(plan):
    return [Path(one.file).stem for one in plan.scenarios]


def result_of(programs, **how):
    return RunResult(
        KernelFacts("fake", "", "", "", ""), "", "qemu", 1, None, (), tuple(programs), **how
    )


class Guests:
    """A fake of ``judge``: scenarios agree, except those of *crashing*; guests of *dead* fail."""

    def __init__(self, *, crashing=(), dead=(), by=None):
        self.crashing, self.dead, self.by = crashing, dead, by
        self.program = ran().programs[0].result

    def __call__(self, prepared, request, progress, watch):
        if self.by:
            raise self.by
        if any(name in self.dead for name in names(request.plan)):
            return result_of((), error="the kernel did not boot", dead=True)
        done = []
        for name in names(request.plan):
            done.append(
                ProgramOutcome(name, f"by {os.getpid()}", 0.0, replace(self.program, program=name))
            )
            if name in self.crashing:
                return result_of(done, crash="kernel BUG")
        return result_of(done)


def judged(monkeypatch, tmp_path, plan, guests):
    monkeypatch.setattr(lane_module, "judge", guests)
    with helper_process() as helper:
        return KernelJudge(
            PREPARED, Workload(Shape(), plan), tmp_path, Quiet(), helper
        ).judgement()


def test_a_short_plan_is_one_lane_and_a_long_one_two_that_share_nothing():
    short = plan_of(DIVIDED_FROM - 1, steps=100)
    assert divided(short) == (short,)
    long = plan_of(DIVIDED_FROM, steps=100, abstract=7)
    first, second = divided(long)
    assert sorted(names(first) + names(second)) == names(long)
    assert (first.steps, first.abstract, second.steps, second.abstract) == (0, 0, 100, 7)
    assert (first.seed, second.seed) == (long.seed, long.seed)


def test_every_program_is_judged_once_and_by_two_processes(monkeypatch, tmp_path):
    found = judged(monkeypatch, tmp_path, plan_of(20, steps=0), Guests())
    assert sorted(one.program for one in found.programs) == names(plan_of(20, steps=0))
    assert {one.kind for one in found.programs} == {CheckedKind.AGREE}
    by = {one.title for one in found.programs}
    assert len(by) == 2
    assert f"by {os.getpid()}" in by
    assert (found.guests, found.error) == (2, "")


def test_without_a_helper_both_lanes_are_run_here(monkeypatch, tmp_path):
    monkeypatch.setattr(lane_module, "judge", Guests())
    found = KernelJudge(
        PREPARED, Workload(Shape(), plan_of(20, steps=0)), tmp_path, Quiet()
    ).judgement()
    assert len(found.programs) == 20
    assert {one.title for one in found.programs} == {f"by {os.getpid()}"}


@pytest.mark.parametrize("crashing", ["s04", "s05"])
def test_a_crash_in_one_lane_costs_neither_the_rest_of_it_nor_the_other(
    monkeypatch, tmp_path, crashing
):
    found = judged(monkeypatch, tmp_path, plan_of(20, steps=0), Guests(crashing=(crashing,)))
    kinds = {one.program: one.kind for one in found.programs}
    assert len(kinds) == 20
    assert {name for name, kind in kinds.items() if kind is not CheckedKind.AGREE} == {crashing}
    assert found.guests == 3


def test_a_lane_whose_every_scenario_crashes_ends_after_some_guests(monkeypatch, tmp_path):
    plan = plan_of(20, steps=0)
    found = judged(monkeypatch, tmp_path, plan, Guests(crashing=names(divided(plan)[1])))
    kinds = [one.kind for one in found.programs]
    assert (kinds.count(CheckedKind.AGREE), kinds.count(CheckedKind.CONTRACT)) == (10, GUESTS_MOST)
    assert kinds.count(CheckedKind.ERROR) == 10 - GUESTS_MOST


@pytest.mark.parametrize("dead", ["s04", "s05"])
def test_programs_of_a_lane_that_did_not_boot_have_no_verdict_and_the_others_have(
    monkeypatch, tmp_path, dead
):
    found = judged(monkeypatch, tmp_path, plan_of(20, steps=0), Guests(dead=(dead,)))
    silent = [one for one in found.programs if one.kind is CheckedKind.ERROR]
    assert (len(found.programs), len(silent)) == (20, 10)
    assert {one.reason for one in silent} == {"the kernel did not boot"}


def test_a_kernel_that_boots_in_neither_lane_has_no_outcomes(monkeypatch, tmp_path):
    found = judged(monkeypatch, tmp_path, plan_of(20, steps=0), Guests(dead=("s04", "s05")))
    assert (found.programs, found.error) == ((), "the kernel did not boot")


ERRORS = (
    WrongMachineError("LAST_PKMAP is 2048, not 512"),
    KernelError("it lied", hint="look"),
    DoesNotApplyError(Patch("p", b""), "mm/highmem.c", ("hunk 1 failed",)),
)


@pytest.mark.parametrize("error", ERRORS, ids=lambda one: type(one).__name__)
def test_an_error_of_the_other_process_arrives_whole(error):
    with helper_process() as helper, pytest.raises(type(error)) as told:
        helper.submit(_raise, error).result()
    assert (str(told.value), told.value.hint) == (str(error), error.hint)
    assert told.value.__dict__ == error.__dict__


def _raise(error):
    raise error


def test_what_only_the_second_lane_raises_is_raised(monkeypatch, tmp_path):
    def judge(prepared, request, progress, watch):
        if "s01" in names(request.plan):
            raise InfrastructureError("QEMU is gone", hint="install it")
        return Guests()(prepared, request, progress, watch)

    with pytest.raises(InfrastructureError, match="QEMU is gone"):
        judged(monkeypatch, tmp_path, plan_of(20, steps=0), judge)


def test_one_scenario_alone_is_run_in_a_guest_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setattr(lane_module, "judge", Guests())
    bench = KernelJudge(PREPARED, Workload(Shape(), plan_of(20, steps=0)), tmp_path, Quiet())
    assert bench.confirm(plan_of(3, steps=0).scenarios[2]).program == "s02"
    assert (tmp_path / "alone" / "s02" / "guest-0").is_dir()


def test_a_broken_rule_ends_a_lane_that_is_asked_for_the_first(monkeypatch, tmp_path):
    monkeypatch.setattr(lane_module, "judge", Guests(crashing=("s01",)))
    found = [
        Lane(PREPARED, Workload(Shape(), plan_of(4, steps=0), first=first), tmp_path / str(first))
        .result(Quiet())
        .programs
        for first in (False, True)
    ]
    assert [[one.program for one in programs] for programs in found] == [
        ["s00", "s01", "s02", "s03"], ["s00", "s01"],
    ]  # fmt: skip


@pytest.mark.parametrize("count", [RESTORED_FROM - 1, RESTORED_FROM])
def test_many_scenarios_that_wreck_a_guest_start_from_one_template(monkeypatch, tmp_path, count):
    asked, guests = [], Guests()

    def judge(prepared, request, progress, watch):
        asked.append(request.template)
        return guests(prepared, request, progress, watch)

    monkeypatch.setattr(lane_module, "judge", judge)
    monkeypatch.setattr(lane_module, "wrecks", lambda _: True)
    monkeypatch.setattr(lane_module, "with_throwaway", lambda _, request, again: again(request))
    Lane(PREPARED, Workload(Shape(), plan_of(count, steps=0), throwaway=True), tmp_path).result(
        Quiet()
    )
    assert asked == [False, count == RESTORED_FROM]


def test_a_lane_has_folders_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(lane_module, "judge", Guests())
    Lane(PREPARED, Workload(Shape(), plan_of(2, steps=0)), tmp_path / "lane-1").result(Quiet())
    assert (tmp_path / "lane-1" / "guest-0").is_dir()


PARENT = """
import os, time
from harness.check.helper_process import helper_process
with helper_process() as helper:
    print(helper.submit(os.getpid).result(), flush=True)
    time.sleep(600)
"""


def test_the_helper_ends_with_a_parent_that_is_killed():
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True
    ) as parent:
        helper = int(parent.stdout.readline())
        assert Path(f"/proc/{helper}").exists()
        parent.kill()
    assert gone(helper)


def gone(pid):
    """Whether process *pid* ends within some seconds; a zombie has ended, too."""
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state in "ZX":
            return True
        time.sleep(0.05)
    return False
