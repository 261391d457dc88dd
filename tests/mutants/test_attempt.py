"""The runs that judge a mutant."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.base import project
from harness.guest.shape import Shape
from harness.mutants import attempt as attempt_module
from harness.mutants.attempt import TrialSetup, attempt_switched
from harness.mutants.mutant_catalogue import Mutant, MutantKind
from harness.mutants.score import Detection
from harness.run.programs import read_plan
from harness.run.scenario_files import scenario_files
from harness.run.throwaway import wrecks
from tests.check.fakes import counted_once, ran

PLAN = read_plan(scenario_files([], project.SCENARIOS), 1, 100)
WRECKING = {Path(one.file).stem for one in PLAN.scenarios if wrecks(one)}
PREPARED = SimpleNamespace(kernel=SimpleNamespace(name="fake"))


@pytest.fixture
def runs(monkeypatch):
    """The judged plans, and a list of scenarios in which the kernel breaks the contract."""
    plans, wrong = [], []

    def judge(prepared, request, progress, watch, *, launch):
        names = {Path(one.file).stem for one in request.plan.scenarios}
        plans.append((names, request.plan.throwaway))
        broken = request.plan.throwaway and bool(names & set(wrong))
        result = ran(wrong=counted_once) if broken else ran()
        return replace(
            result,
            programs=tuple(replace(result.programs[0], name=name) for name in sorted(names)),
        )

    monkeypatch.setattr(attempt_module, "judge", judge)
    return plans, wrong


def tried(tmp_path, kind, needs=()):
    mutant = Mutant("m", Path("mm/highmem.c"), kind, (), "it", needs=needs)
    return attempt_switched(mutant, PREPARED, TrialSetup(PLAN, Shape(), tmp_path), launch=None)


def test_a_mutant_of_the_catalogue_gets_the_wrecking_scenarios_that_it_names(runs, tmp_path):
    assert tried(tmp_path, MutantKind.CONTRACT, ("local-overflow",)).found is Detection.NOTHING
    assert [names for names, wrecked in runs[0] if wrecked] == [{"local-overflow"}]


def test_another_gets_them_all_where_nothing_else_is_found(runs, tmp_path):
    assert tried(tmp_path, MutantKind.OPERATOR).found is Detection.NOTHING
    alone = [next(iter(names)) for names, wrecked in runs[0] if wrecked]
    assert len(alone) == len(set(alone)) > 5
    assert set(alone) <= WRECKING


def test_what_only_a_wrecking_scenario_shows_is_found(runs, tmp_path):
    runs[1].append("local-overflow")
    assert tried(tmp_path, MutantKind.OPERATOR).found is Detection.CONTRACT
