"""The cases: a rule, the scenario that breaks it, and the expected reports (expected.toml)."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.base.toml_file import entries_of, read_toml
from harness.scenario.facts import Facts, unmet
from harness.scenario.scenario_parser import parse_scenario
from harness.scenario.syntax import Requirement


class ConsoleExpectation(NamedTuple):
    """The reports expected on the console of a kernel for which ``when`` holds.

    ``says`` has a regular expression for the title of each report, in order; it is empty if the
    kernel is silent.  ``may`` has those of reports that may follow.  ``source`` names the
    code that makes the report, or says why there is none.
    """

    when: str
    requires: tuple[Requirement, ...]
    says: tuple[str, ...]
    may: tuple[str, ...]
    source: str

    def unmet(self, facts: Facts) -> str | None:
        """Why this does not apply to a guest with *facts*, or None if it does."""
        return next((reason for one in self.requires if (reason := unmet(one, facts))), None)


class MisuseCase(NamedTuple):
    """A rule that is broken on purpose, and the name of the scenario that does it."""

    id: str
    rule: str
    scenario: str
    expectations: tuple[ConsoleExpectation, ...]

    def expectation(self, facts: Facts) -> ConsoleExpectation | None:
        """The first expectation that applies to a guest with *facts*."""
        return next((one for one in self.expectations if one.unmet(facts) is None), None)


EXPECTED: Final = files("harness.misuse").joinpath("expected.toml")


@cache
def cases() -> tuple[MisuseCase, ...]:
    """All recorded cases."""
    return read_cases(EXPECTED)


def read_cases(path: Path | Traversable) -> tuple[MisuseCase, ...]:
    """The cases of *path*.  Raises UsageError for a file that cannot be used."""
    with entries_of(path):
        return tuple(_case(table, str(path)) for table in read_toml(path)["case"])


def _case(table: Mapping[str, Any], file: str) -> MisuseCase:
    place = f"{file}, case {table['id']}"
    found = tuple(_expectation(one, place) for one in table["expect"])
    return MisuseCase(table["id"], table["rule"], table["scenario"], found)


def _expectation(table: Mapping[str, Any], place: str) -> ConsoleExpectation:
    """One expectation; an error in its ``when`` names *place*."""
    requires = parse_scenario(f"requires: {table['when']}\ntasks: a@0\na: nop\n", place).requires
    return ConsoleExpectation(
        table["when"], requires, tuple(table["says"]), tuple(table.get("may", ())), table["source"]
    )
