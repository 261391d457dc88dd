"""``-x``: the first program that fails ends the run, guests for throwaway scenarios included."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.guest.shape import Shape
from harness.run.guest_run import GuestRun
from harness.run.programs import Plan, read_plan
from harness.run.run_request import RunRequest
from harness.run.run_result import ProgramOutcome
from harness.run.throwaway import with_throwaway
from tests.compare.model_guest import LOCAL
from tests.report.sample import result, wrong_frame

from .test_throwaway import SCENARIO


class FailsAt(GuestRun):
    """A run without a guest, whose program of one name diverges."""

    def __init__(self, request, name):
        self.request, self.layout, self.outcomes = request, LOCAL, []
        self.facts = SimpleNamespace(release="6.1.0", highmem_pages=1000)
        self.name = name

    def _one(self, program):
        found = result(wrong=wrong_frame) if program.name == self.name else result()
        self.outcomes.append(ProgramOutcome(program.name, "", 0.0, found.results[0]))


@pytest.mark.parametrize("stop", [False, True])
def test_the_first_program_that_diverges_is_the_last(stop):
    request = RunRequest("k", None, Shape(), Plan((), 1, 12_000), Path(), stop_first=stop)
    run = FailsAt(request, "random-1-0")
    assert run._every_program() is None
    names = [one.name for one in run.outcomes]
    assert (names[-1] == "random-1-0") is stop
    assert (len(names) < 5) is stop


@pytest.mark.parametrize("stop", [False, True])
def test_no_guest_is_booted_for_a_throwaway_scenario_after_that(stop):
    plan = read_plan([SCENARIO], 1, 0)
    request = RunRequest("a kernel", None, Shape(), plan, Path(), stop_first=stop)
    guests = []
    with_throwaway(result(wrong=wrong_frame), request, lambda one: guests.append(one) or result())
    assert len(guests) == (0 if stop else 1)
    guests.clear()
    with_throwaway(result(), replace(request), lambda one: guests.append(one) or result())
    assert len(guests) == 1
