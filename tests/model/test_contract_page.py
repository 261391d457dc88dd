"""The page of the contract, the rules and their mutants stay together."""

import re

import pytest

from harness.base import project
from harness.model.contract import contract
from harness.mutants.mutant_catalogue import MutantKind, read_catalogue
from tests.model.other_kernels import KERNELS
from tests.model.test_contract_rules import ASKED
from tests.model.test_mutants import MUTANTS
from tests.package.conftest import ROOT

PACKAGE = ROOT / "harness"
PAGE = (ROOT / "docs" / "contract.md").read_text()
ROW = re.compile(r"^\| `(contract_\w+\.\w+)` \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
ROWS = {rule: (reason, harmless, harmful) for rule, reason, harmless, harmful in ROW.findall(PAGE)}
RULES = {
    f"{rule.__module__.rsplit('.', 1)[-1]}.{rule.__name__}": rule
    for rules in contract.RULES.values()
    for rule in rules
}
NAMED = re.compile(r'Violation\(\s*"([a-z-]+)"|yield \(?\s*f"([a-z-]+): ')
FLUSHES = {"reused", "attributes", "popped"}
STEPS = {*ASKED, "guard", "survived-owner"}
WORKLOADS = {"workload-contents", "workload-slot", "workload-window"}
"""Steps of test_workload.py."""
PATCHES = ROOT / "tests" / "check" / "patches"
HARMLESS = {path.stem for path in PATCHES.glob("harmless/*/*.patch")}
HARMFUL = {path.stem for path in (*PATCHES.glob("bad-*.patch"), *PATCHES.glob("real/*/*.patch"))}


def test_the_page_has_every_rule_and_no_other():
    assert sorted(ROWS) == sorted(RULES)


def test_the_page_leads_from_every_name_in_a_report_to_its_rule():
    others = (
        PACKAGE / "compare" / "rest_state.py",
        PACKAGE / "model" / "boot" / "memory_rules.py",
        PACKAGE / "model" / "boot" / "layout_rules.py",
    )
    sources = [*PACKAGE.glob("model/contract/*.py"), *others]
    names = {"".join(found) for path in sources for found in NAMED.findall(path.read_text())}
    section = PAGE.partition("## Names in reports")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.+?) \| (.+) \|$", section, re.MULTILINE)
    assert sorted(names) == sorted(
        name for cell, _ in cells for name in re.findall("`(.+?)`", cell)
    )
    rules = {rule for _, cell in cells for rule in re.findall(r"`(contract_.+?)`", cell)}
    assert rules == set(RULES)


@pytest.mark.parametrize("name", RULES)
def test_every_rule_says_why(name):
    if RULES[name].__name__ not in FLUSHES:
        assert "ny correct kernel" in RULES[name].__doc__


@pytest.mark.parametrize("name", ROWS)
def test_every_rule_has_its_mutants(name):
    kinds = {one.name: one.kind for one in read_catalogue(project.MUTANTS).mutants}
    _, harmless, harmful = (cell.strip("`") for cell in ROWS[name])
    typed = name.startswith("contract_typed.")
    other = {*KERNELS, *HARMLESS}
    assert typed or harmless in other or kinds[harmless] is MutantKind.HARMLESS
    bad = kinds.get(harmful)
    shown = {*MUTANTS, *STEPS, *WORKLOADS, *HARMFUL}
    assert harmful in shown or bad not in (None, MutantKind.HARMLESS)
