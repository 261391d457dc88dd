"""Every schedule of small programs, as programs of a check."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.base.progress import Quiet
from harness.check import schedule_programs as scheduled
from harness.check.checked_program import CRASH, NOT_DECIDED, CheckedKind
from harness.check.comparison import PatchEffect, effect_of
from harness.check.history_programs import ODD
from harness.check.schedule_programs import (
    divided_programs,
    run_schedule_programs,
    schedule_programs,
)
from harness.guest.shape import Shape
from harness.kernel.kernel_record import KernelConfig
from harness.schedule.gate_finder import NoGatesError
from harness.schedule.schedule_runner import NOT_ALL, NOT_HERE
from harness.schedule.standard_programs import possible, standard_programs
from tests.schedule.test_schedules_report import BROKEN, CASES, GOOD, LANES, LOST, PROGRAM, result

KERNEL = SimpleNamespace(
    boot_image=Path("o/vmlinux"), build_dir=Path("o/objects"), config=KernelConfig({}, "")
)
OTHER = SimpleNamespace(config=KERNEL.config)
NAME = f"schedules: {PROGRAM}"
ODDLY = replace(GOOD, odd=(LOST,))
CRASHED = replace(GOOD, crash="Oops", death="01", complete=False)


def programs(of, wanted=(str(PROGRAM),)):
    return schedule_programs(of, wanted, KERNEL)


@pytest.mark.parametrize(
    ("one", "kind"),
    [
        (GOOD, CheckedKind.AGREE),
        (BROKEN, CheckedKind.CONTRACT),
        (replace(BROKEN, complete=False), CheckedKind.CONTRACT),
        (CRASHED, CheckedKind.CONTRACT),
        (ODDLY, CheckedKind.BEHAVIOUR),
        (replace(GOOD, complete=False, unknown="departed"), CheckedKind.UNKNOWN),
        (replace(GOOD, complete=False, unknown=NOT_ALL), CheckedKind.NOT_APPLICABLE),
        (replace(GOOD, complete=False, unknown=NOT_HERE), CheckedKind.NOT_APPLICABLE),
    ],
)
def test_each_program_has_its_verdict(one, kind):
    (found,) = programs(result(one))
    assert (found.program, found.kind, found.steps) == (NAME, kind, GOOD.steps)


def test_a_broken_order_is_drawn_and_can_be_replayed():
    (base,), (found,) = programs(result(GOOD)), programs(result(BROKEN))
    (finding,) = found.broken
    assert finding.what == "order: asleep though a slot is free"
    assert set(LANES) <= set(finding.lines)
    assert finding.lines[-1] == (
        "replay: kmap-harness schedules --kernel o/vmlinux --build-dir o/objects --programs "
        "'kmap a || kunmap x; slots 1' --replay 01"
    )
    assert effect_of(base, found)[0] is PatchEffect.NEWLY_FAILING


def test_a_crash_names_the_schedule_and_odd_behaviour_is_a_change():
    (base,), (crashed,), (odd,) = (programs(result(one)) for one in (GOOD, CRASHED, ODDLY))
    assert crashed.rules == {CRASH}
    assert crashed.broken[0].lines[-1].endswith("--replay 01")
    assert odd.behaviours == {ODD}
    assert effect_of(base, odd)[0] is PatchEffect.BEHAVIOUR_CHANGED


def test_what_there_was_no_time_for_is_no_fault_of_the_patch():
    wanted = (str(PROGRAM), "kmap a || kmap b; slots 2")
    base, few = (programs(result(*done), wanted) for done in ((GOOD, GOOD), (GOOD,)))
    assert few[1].kind is CheckedKind.NOT_APPLICABLE
    for both in ((base[1], few[1]), (few[1], base[1])):
        effect, why = effect_of(*both)
        assert effect is PatchEffect.NOT_APPLICABLE
        assert NOT_DECIDED in why


def test_a_message_that_no_program_explains_and_an_error_are_programs_of_their_own():
    said = programs(CASES["trouble"][0])
    assert [one.kind for one in said] == [CheckedKind.AGREE, CheckedKind.CONTRACT]
    blamed = result(replace(CRASHED, crash="WARNING: x"), troubles=("WARNING: x",))
    assert len(programs(blamed)) == 1
    assert programs(CASES["error"][0])[-1].kind is CheckedKind.ERROR


def test_the_standard_set_runs_on_a_machine_of_its_own(monkeypatch, tmp_path):
    asked = []

    def run(prepared, request, progress):
        asked.append(request)
        if prepared.kernel is KERNEL:
            return result(GOOD)
        raise NoGatesError("a lock of another kind", hint="")

    monkeypatch.setattr(scheduled, "run_schedules", run)
    for kernel in (KERNEL, OTHER):
        prepared, programs = SimpleNamespace(kernel=kernel), divided_programs(KERNEL)[0]
        found = run_schedule_programs(prepared, programs, Shape(parallel=True), tmp_path, Quiet())
        assert len(found) == len(asked[-1].programs)
    assert (asked[0].shape.smp, asked[0].shape.parallel, asked[0].strict) == (4, False, False)
    assert found[0].reason == f"{NOT_DECIDED}: a lock of another kind"


def test_each_program_of_the_standard_set_runs_in_one_of_two_guests():
    first, second = divided_programs(KERNEL)
    assert sorted(map(str, (*first, *second))) == sorted(
        map(str, possible(standard_programs(), KERNEL))
    )
    assert len(first) < len(second)
