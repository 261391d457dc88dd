"""Concurrent histories as programs of a check."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.base.progress import Quiet
from harness.check import judging
from harness.check.checked_program import CheckedKind, CheckedProgram
from harness.check.comparison import PatchEffect, effect_of
from harness.check.history_programs import ODD, history_programs
from harness.check.judging import KernelJudge
from harness.check.lane import Workload
from harness.guest.shape import Shape
from harness.run.programs import Plan
from tests.check.test_lanes import Parts
from tests.history.test_report import BROKEN, GOOD, UNDECIDED, judged, result


def ran(name):
    return (CheckedProgram(name, CheckedKind.AGREE),)


ODDLY = replace(GOOD, odd="slot 3 is next")


def kinds(of):
    return {one.program: one.kind for one in history_programs(of)}


def test_each_regime_is_a_program():
    both = result(GOOD, GOOD, replace(GOOD, regime="one page"))
    assert kinds(both) == {
        "histories-waits": CheckedKind.AGREE, "histories-one-page": CheckedKind.AGREE,
    }  # fmt: skip
    assert history_programs(both)[0].steps == 2 * GOOD.operations


@pytest.mark.parametrize(
    ("of", "kind"),
    [
        (result(GOOD, judged(BROKEN)), CheckedKind.CONTRACT),
        (result(GOOD, UNDECIDED, judged(BROKEN)), CheckedKind.CONTRACT),
        (result(GOOD, replace(GOOD, complete=False)), CheckedKind.UNKNOWN),
        (result(GOOD, ODDLY), CheckedKind.BEHAVIOUR),
        (result(GOOD, crash="Oops"), CheckedKind.CONTRACT),
        (result(GOOD, troubles=("WARNING: x",)), CheckedKind.CONTRACT),
    ],
)
def test_the_worst_history_of_a_regime_counts(of, kind):
    assert kinds(of) == {"histories-waits": kind}


def test_a_broken_order_is_shown_with_its_window():
    (program,) = history_programs(result(judged(BROKEN)))
    (finding,) = program.broken
    assert finding.what == "order: two pages on one slot"
    assert any("kmap(page 1)" in line for line in finding.lines)
    good, (odd,) = history_programs(result(GOOD)), history_programs(result(ODDLY))
    assert effect_of(good[0], program)[0] is PatchEffect.NEWLY_FAILING
    assert effect_of(good[0], odd)[0] is PatchEffect.BEHAVIOUR_CHANGED
    assert odd.behaviours == {ODD}


def test_what_ends_a_run_is_the_last_regimes_and_an_error_is_none_of_the_kernels():
    crashed = result(GOOD, replace(GOOD, regime="rounds"), crash="Oops")
    assert kinds(crashed) == {
        "histories-waits": CheckedKind.AGREE, "histories-rounds": CheckedKind.CONTRACT,
    }  # fmt: skip
    assert kinds(result(GOOD, error="no memory"))["histories"] is CheckedKind.ERROR
    assert history_programs(result()) == ()


@pytest.mark.parametrize(
    ("of", "programs", "error"),
    [
        (result(GOOD), ["histories-waits", "first", "second"], ""),
        (result(error="the kernel did not boot"), [], "the kernel did not boot"),
    ],
)
def test_a_workload_of_histories_runs_them_and_nothing_else(
    monkeypatch, tmp_path, of, programs, error
):
    asked = []
    monkeypatch.setattr(judging, "keep_image", lambda kernel, folder: kernel)
    monkeypatch.setattr(judging, "run_histories", lambda *all_of_it: asked.append(all_of_it) or of)
    monkeypatch.setattr(judging, "divided_programs", lambda _: (("first",), ("second",)))
    monkeypatch.setattr(judging, "run_schedule_programs", lambda _, some, *more: ran(*some))
    prepared = Parts(SimpleNamespace(release="6.1", config_hash="c0ffee"))
    work = Workload(Shape(smp=4), Plan((), 7, 100), histories=500)
    found = KernelJudge(prepared, work, tmp_path / "out", Quiet()).judgement()
    assert ([one.program for one in found.programs], found.error) == (programs, error)
    request = asked[0][1]
    assert (request.operations, request.seed, request.shape.smp) == (500, 7, 4)
    assert not request.strict
