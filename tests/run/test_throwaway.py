"""Scenarios that wreck a kernel, each in a guest of its own: what becomes of the run's result."""

from dataclasses import replace
from pathlib import Path

from harness.base import project
from harness.guest.shape import Shape
from harness.run.programs import read_plan
from harness.run.run_request import RunRequest
from harness.run.run_result import NOTHING_RUN, ProgramOutcome
from harness.run.throwaway import with_throwaway
from tests.report.sample import result

SCENARIO = project.SCENARIOS / "pkmap-unbalanced.kmap"


def run(guests, **of_guest):
    """The result where the ordinary guest had nothing to run, and each guest of a scenario's own
    gives this.
    """
    request = RunRequest("a kernel", None, Shape(), read_plan([SCENARIO], 1, 0), Path())
    here = replace(
        result(),
        programs=(ProgramOutcome(SCENARIO.stem, "", 0.0, None, "throwaway"),),
        error=NOTHING_RUN,
    )
    there = result()
    renamed = replace(there.programs[0], name=SCENARIO.stem)
    there = replace(there, **{"programs": (renamed,)} | of_guest)
    return with_throwaway(here, request, lambda one: guests.append(one) or there)


def test_a_run_of_nothing_else_has_a_verdict():
    guests = []
    found = run(guests)
    assert len(guests) == 1
    assert found.steps > 0
    assert found.error == ""


def test_a_guest_that_ran_nothing_either_is_an_error():
    assert run([], programs=(), error=NOTHING_RUN).error == NOTHING_RUN


def test_what_fails_there_is_the_runs_failure():
    found = run([], crash="the kernel panicked", error="")
    assert found.crash == "the kernel panicked"
