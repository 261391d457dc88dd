from dataclasses import replace
from pathlib import Path

import pytest

from harness.guest.shape import Shape
from harness.mutants.attempt import TrialSetup
from harness.mutants.attempt_log import AttemptLog
from harness.mutants.mutant_catalogue import Mutant, MutantKind
from harness.mutants.score import Attempt, Detection
from harness.run.programs import Plan


@pytest.fixture
def mutant(tmp_path):
    patch = tmp_path / "one.cocci"
    patch.write_text("- a\n+ b\n")
    return Mutant("pkmap/one", patch, MutantKind.CONTRACT, ("mm/highmem.c",), "all")


@pytest.fixture
def means(tmp_path):
    return TrialSetup(Plan((), 1, 100), Shape(smp=2), tmp_path)


def record(means, kernel="0123", *, resume=True):
    return AttemptLog(means.out / "attempts.jsonl", kernel, means, resume=resume)


def tried(mutant):
    return Attempt(
        mutant,
        Detection.CONTRACT,
        "pkmap-wait step 5 (KUNMAP)",
        "asleep: for ever",
        "+b",
        1.5,
        2.5,
    )


def test_what_was_tried_is_known_to_a_run_that_goes_on_and_to_no_other(mutant, means):
    record(means, resume=False).keep(tried(mutant))
    assert record(means).known(mutant) == tried(mutant)
    assert record(means, resume=False).known(mutant) is None


def test_another_kernel_patch_plan_or_machine_is_tried_again(mutant, means):
    record(means).keep(tried(mutant))
    assert record(means, "4567").known(mutant) is None
    assert record(replace(means, plan=Plan((), 2, 100))).known(mutant) is None
    assert record(replace(means, shape=Shape(smp=1))).known(mutant) is None
    assert record(means).known(replace(mutant, regime="rounds")) is None
    mutant.patch.write_text("- a\n+ c\n")
    assert record(means).known(mutant) is None


def test_another_expectation_needs_no_other_attempt(mutant, means):
    record(means).keep(tried(mutant))
    other = replace(mutant, kind=MutantKind.PROBE)
    assert record(means).known(other) == replace(tried(mutant), mutant=other)


def test_a_line_that_was_cut_off_is_passed_over(mutant, means):
    record(means).keep(tried(mutant))
    path: Path = means.out / "attempts.jsonl"
    path.write_text(path.read_text() + '{"key": "0')
    assert record(means).known(mutant) == tried(mutant)
