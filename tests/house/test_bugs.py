"""``docs/bugs.md`` lists every id, with the scenarios, mutants and tests that name it."""

import re

import pytest

from tests.house.bug_list import (
    IDS,
    evidence_lines,
    mutant_catalogue,
    mutants_of,
    scenarios_by_id,
    seeding_tests,
)
from tests.house.source_tree import TOP

PAGE = (TOP / "docs/bugs.md").read_text(encoding="utf-8")
ENTRIES = dict(re.findall(r"^### (\w+)\n\n(.*?)\s*(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL))
SHOWN_OTHERWISE = {"P23", "P35", "A34"}
"""Ids that no scenario names: their entries say what shows them."""


def test_the_page_lists_every_id_once():
    assert re.findall(r"^### (\w+)$", PAGE, re.MULTILINE) == list(IDS)


def test_nothing_names_an_id_that_is_not_on_the_page():
    named = set(scenarios_by_id())
    named |= {
        name for entry in mutant_catalogue()["mutant"].values() for name in entry.get("of", ())
    }
    named = named.union(mutant_catalogue()["absent"], *seeding_tests().values())
    assert named <= set(IDS)


@pytest.mark.parametrize("name", IDS)
def test_an_entry_says_what_breaks_and_what_names_it(name):
    words, _, evidence = ENTRIES[name].partition("\n\n- ")
    assert words.endswith(".")
    assert f"- {evidence}" == "\n".join(evidence_lines(name))


@pytest.mark.parametrize("name", IDS)
def test_an_id_has_a_scenario_and_a_mutant_or_says_why_not(name):
    assert scenarios_by_id().get(name) or name in SHOWN_OTHERWISE
    assert mutants_of(name) or mutant_catalogue()["absent"].get(name)
