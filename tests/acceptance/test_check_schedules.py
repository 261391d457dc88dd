"""A check judges by schedules: the patched kernel is a stock kernel with a race put in."""

from dataclasses import replace
from itertools import islice

import pytest

from harness.base.progress import Quiet
from harness.check import schedule_programs
from harness.check.comparison import PatchEffect, compare
from harness.check.judging import KernelJudge
from harness.check.lane import Workload
from harness.guest.shape import Shape
from harness.run.programs import Plan
from harness.schedule.standard_programs import standard_programs

from .history_bugs import LATE_QUEUE
from .patched import patched

pytestmark = pytest.mark.guest

WORK = Workload(Shape(smp=4, parallel=True), Plan((), 1, 0), histories=2_000)


def test_a_race_is_newly_failing_with_its_schedule(stock, tmp_path, monkeypatch):
    some = [one for one in standard_programs() if str(one).startswith("kmap a || kunmap x")]
    monkeypatch.setattr(schedule_programs, "standard_programs", lambda: islice(some, 4))
    buggy = replace(stock, kernel=patched(stock.kernel, LATE_QUEUE, tmp_path))
    base, new = (
        KernelJudge(prepared, WORK, tmp_path / name, Quiet()).judgement()
        for name, prepared in (("base", stock), ("patched", buggy))
    )
    found = {one.program: one for one in compare("pae", base.programs, new.programs)}
    failing = {name: one for name, one in found.items() if one.change is PatchEffect.NEWLY_FAILING}
    assert any(name.startswith("schedules: kmap a || kunmap x") for name in failing)
    one = next(each for name, each in failing.items() if name.startswith("schedules: "))
    assert one.patched.rules == {"order: asleep though a slot is free"}
    lines = one.patched.broken[0].lines
    assert any("  sleeps" in line for line in lines)
    assert lines[-1].startswith("replay: kmap-harness schedules --kernel")
    assert all(each.kind.value == "agree" for each in base.programs)
