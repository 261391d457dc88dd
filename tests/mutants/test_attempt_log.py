"""The log of attempts forgets what depends on anything that has changed."""

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
def setup(tmp_path):
    return TrialSetup(Plan((), 1, 100), Shape(smp=2), tmp_path)


def log(setup, kernel="0123", *, resume=True):
    return AttemptLog(setup.out / "attempts.jsonl", kernel, setup, resume=resume)


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


def test_what_was_tried_is_known_to_a_run_that_goes_on_and_to_no_other(mutant, setup):
    log(setup, resume=False).add(tried(mutant))
    assert log(setup).known(mutant) == tried(mutant)
    assert log(setup, resume=False).known(mutant) is None


def test_another_kernel_patch_plan_or_machine_is_tried_again(mutant, setup):
    log(setup).add(tried(mutant))
    assert log(setup, "4567").known(mutant) is None
    assert log(replace(setup, plan=Plan((), 2, 100))).known(mutant) is None
    assert log(replace(setup, shape=Shape(smp=1))).known(mutant) is None
    assert log(setup).known(replace(mutant, kind=MutantKind.RACE)) is None
    mutant.patch.write_text("- a\n+ c\n")
    assert log(setup).known(mutant) is None


def test_another_expectation_needs_no_other_attempt(mutant, setup):
    log(setup).add(tried(mutant))
    other = replace(mutant, kind=MutantKind.PROBE)
    assert log(setup).known(other) == replace(tried(mutant), mutant=other)


def test_a_line_that_was_cut_off_is_passed_over(mutant, setup):
    log(setup).add(tried(mutant))
    path: Path = setup.out / "attempts.jsonl"
    path.write_text(path.read_text() + '{"key": "0')
    assert log(setup).known(mutant) == tried(mutant)
