"""Scenarios named by file, folder or name, and chosen by an expression."""

from pathlib import Path

import pytest

from harness.base import project
from harness.errors import UsageError
from harness.run.scenario_files import scenario_files
from harness.scenario.name_expression import name_expression

NAMES = ("pkmap-wait", "pkmap-data", "local-wait", "not-applicable")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "below").mkdir()
    for name in (*NAMES, "below/deep"):
        (tmp_path / f"{name}.kmap").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("wait", {"pkmap-wait", "local-wait"}),
        ("WAIT", {"pkmap-wait", "local-wait"}),
        ("pkmap and wait", {"pkmap-wait"}),
        ("pkmap or wait", {"pkmap-wait", "pkmap-data", "local-wait"}),
        ("not pkmap", {"local-wait", "not-applicable"}),
        ("not not pkmap and data", {"pkmap-data"}),
        ("local or pkmap and data", {"pkmap-data", "local-wait"}),
        ("(local or pkmap) and not data", {"pkmap-wait", "local-wait"}),
        ("not(local or pkmap)", {"not-applicable"}),
    ],
)
def test_an_expression_chooses_by_name(text, chosen):
    assert {name for name in NAMES if name_expression(text)(name)} == chosen


@pytest.mark.parametrize(
    "text", ["", "and", "a and", "(a", "a)", "a b", "not", "()", "or a", "(" * 5000, "not " * 5000]
)
def test_no_expression_is_wrong_use(text):
    with pytest.raises(UsageError, match="-k") as refused:
        name_expression(text)
    assert "join parts of names" in refused.value.hint


def test_a_scenario_is_found_by_its_name(folder):
    assert scenario_files([Path("pkmap-wait")], folder) == (folder / "pkmap-wait.kmap",)
    assert scenario_files([Path("deep")], folder) == (folder / "below/deep.kmap",)


def test_a_name_that_is_none_is_met_with_those_near_it(folder):
    with pytest.raises(UsageError, match="no scenario of that name") as refused:
        scenario_files([Path("pkmap-wiat")], folder)
    assert "did you mean pkmap-wait" in refused.value.hint


def test_an_expression_that_chooses_nothing_is_wrong_use(folder):
    assert len(scenario_files([], folder, "wait")) == 2
    with pytest.raises(UsageError, match="chooses none of 4 scenarios"):
        scenario_files([], folder, "nothing")


def test_sweeps_are_found_by_name():
    (path,) = scenario_files([Path("every-kmap")], project.SCENARIOS)
    assert path.parent.name == "sweeps"
