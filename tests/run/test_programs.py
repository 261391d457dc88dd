"""What is to be run: files named, folders, all; parsed before anything is booted."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from harness.errors import UsageError
from harness.run.programs import PROGRAM_STEPS, Plan, planned, read_plan
from harness.run.scenario_files import scenario_files
from harness.scenario.program import BOOT, NotApplicable
from harness.scenario.scenario_error import ScenarioError
from tests.compare.model_guest import LOCAL

FACTS = SimpleNamespace(release="6.1.0", highmem_pages=1000)
GOOD = "tasks: a@0\npages: high 1\na: m0 = kmap h0\na: kunmap h0\n"


def programs(plan):
    """Without the boot, which comes first in every guest."""
    boot, *rest = planned(plan, LOCAL, above_4g=False)
    assert (boot.name, boot.operations) == (BOOT, ())
    return rest


def write(folder, **texts):
    for name, text in texts.items():
        (folder / f"{name}.kmap").write_text(text)
    return folder


def test_files_named_folders_and_all(tmp_path):
    write(tmp_path, b=GOOD, a=GOOD)
    (tmp_path / "notes.txt").touch()
    names = [tmp_path / "a.kmap", tmp_path / "b.kmap"]
    assert list(scenario_files([], tmp_path)) == names
    assert list(scenario_files([tmp_path], tmp_path / "elsewhere")) == names
    assert list(scenario_files([names[1]], tmp_path)) == [names[1]]


def test_nothing_to_run_is_wrong_use(tmp_path):
    with pytest.raises(UsageError, match="there is nothing to run"):
        read_plan([], 1, 0)
    with pytest.raises(UsageError, match="no scenario"):
        scenario_files([tmp_path], tmp_path)


def test_generated_programs_follow_from_the_seed():
    plan = Plan((), 5, 2 * PROGRAM_STEPS + 100)
    first, second = programs(plan), programs(plan)
    assert first == second
    assert [one.name for one in first] == ["prelude-5", "random-5-0", "random-5-1", "random-5-2"]
    assert all(
        one != other for one, other in zip(first, programs(Plan((), 6, plan.steps)), strict=True)
    )
    assert sum(len(one.operations) for one in first[1:]) >= plan.steps


def test_an_error_in_the_last_scenario_is_told_before_the_first_is_run(tmp_path):
    """Was told in the middle of the run, whose results were lost."""
    write(tmp_path, a=GOOD, b=GOOD.replace("a: kunmap h0", "a: kunmap h9"))
    plan = read_plan(scenario_files([], tmp_path), 1, 0)
    with pytest.raises(ScenarioError, match=r"b\.kmap:4:\d+: no such page"):
        next(planned(plan, LOCAL, above_4g=False))


def test_what_a_guest_cannot_do_is_listed_not_run(tmp_path):
    write(tmp_path, a="requires: smp>=4\n" + GOOD)
    (one,) = programs(read_plan(scenario_files([], tmp_path), 1, 0))
    assert isinstance(one, NotApplicable)
    assert "smp" in one.reason


def test_one_program_alone_and_those_up_to_one():
    """For a failure that is to be confirmed: the boot is there in any case."""
    plan = Plan((), 5, 2 * PROGRAM_STEPS)
    alone = programs(replace(plan, only="random-5-1"))
    assert alone == programs(plan)[2:]
    assert programs(replace(plan, until="random-5-0")) == programs(plan)[:2]
