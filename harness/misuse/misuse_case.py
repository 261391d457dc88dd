"""The cases: a rule, the scenario that breaks it, and what each kind of kernel says to it (expected.toml)."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from harness.scenario.facts import Facts, unmet
from harness.scenario.scenario_parser import parse_scenario
from harness.scenario.syntax import Requirement


class ConsoleExpectation(NamedTuple):
    """What stands on the console of a kernel for which ``when`` holds.

    ``says``: a regular expression for the title of each report, in order; none for silence.
    ``may``: of reports that may follow.  ``source``: where the kernel says it, or why it does not.
    """

    when: str
    requires: tuple[Requirement, ...]
    says: tuple[str, ...]
    may: tuple[str, ...]
    source: str

    def unmet(self, facts: Facts) -> str | None:
        """Why this does not concern a guest with *facts*, or None where it does."""
        return next((reason for one in self.requires if (reason := unmet(one, facts))), None)


class MisuseCase(NamedTuple):
    """A rule broken on purpose; ``scenario`` is the name of the one that breaks it."""

    id: str
    rule: str
    scenario: str
    expectations: tuple[ConsoleExpectation, ...]

    def expectation(self, facts: Facts) -> ConsoleExpectation | None:
        """The first that concerns a guest with *facts*."""
        return next((one for one in self.expectations if one.unmet(facts) is None), None)


@cache
def cases() -> tuple[MisuseCase, ...]:
    """All cases on record."""
    text = files("harness.misuse").joinpath("expected.toml").read_text(encoding="utf-8")
    return tuple(_case(table) for table in tomllib.loads(text)["case"])


def _case(table: Mapping[str, Any]) -> MisuseCase:
    found = tuple(_expectation(one) for one in table["expect"])
    return MisuseCase(table["id"], table["rule"], table["scenario"], found)


def _expectation(table: Mapping[str, Any]) -> ConsoleExpectation:
    requires = parse_scenario(
        f"requires: {table['when']}\ntasks: a@0\na: nop\n", "expected.toml"
    ).requires
    return ConsoleExpectation(
        table["when"], requires, tuple(table["says"]), tuple(table.get("may", ())), table["source"]
    )
