"""Scenarios looked through without a guest: parsed, and lowered for every kind of kernel."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.compare.transitions import kind_of
from harness.model.records.interrupt import Trigger
from harness.model.records.layout import Layout
from harness.model.records.machine import machine, missing_operations
from harness.model.search.standard_machines import KINDS
from harness.run.throwaway import wrecks
from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.program import NotApplicable, Program
from harness.scenario.scenario_error import ScenarioError
from harness.scenario.scenario_parser import read_scenario
from harness.scenario.syntax import Scenario

_CPUS_MOST = 8
_INSTRUCTIONS = 40
"""In each function that an interrupt can hit; a guest counts its own."""


@dataclass(frozen=True, slots=True)
class LintedScenario:
    """The facts about one scenario that need no guest.

    ``error`` says why it cannot run, with file, line and remedy; ``steps`` are the least and the
    most steps over the kinds of kernel in ``applies``; ``not_applicable`` are the reasons of the
    others.
    """

    file: Path
    title: str = ""
    requires: tuple[str, ...] = ()
    error: str = ""
    steps: tuple[int, int] = (0, 0)
    applies: tuple[str, ...] = ()
    not_applicable: tuple[str, ...] = ()
    throwaway: bool = False


def lint(file: Path) -> LintedScenario:
    """Parse *file*, and lower it for every kind of kernel.

    Raises UsageError where it cannot be read.
    """
    try:
        scenario = read_scenario(file)
        lowered = list(_lowered(scenario))
    except ScenarioError as error:
        return LintedScenario(file, error=str(error))
    refused = (one.reason for _, one in lowered if isinstance(one, NotApplicable))
    ran = [(kind, one) for kind, one in lowered if not isinstance(one, NotApplicable)]
    lengths = [len(one.operations) for _, one in ran]
    return LintedScenario(
        file,
        scenario.title,
        tuple(map(str, scenario.requires)),
        steps=(min(lengths, default=0), max(lengths, default=0)),
        applies=tuple(dict.fromkeys(kind for kind, _ in ran)),
        not_applicable=tuple(dict.fromkeys(refused)),
        throwaway=wrecks(scenario),
    )


def _lowered(scenario: Scenario) -> Iterator[tuple[str, Program | NotApplicable]]:
    """The scenario on each kind of kernel, with the kind in words."""
    for kind, layout in _guests():
        missing = missing_operations(layout)
        facts = Facts(layout, above_4g=layout.pae, throwaway=True, missing=missing)
        yield kind, lower(scenario, facts)


def _guests() -> Iterator[tuple[str, Layout]]:
    """Each kind with its own number of CPUs, and those with several with many, too."""
    counted = tuple(_INSTRUCTIONS for trigger in Trigger if trigger >= Trigger.MAP)
    for layout in KINDS:
        kind = kind_of(machine(layout, (), ()))
        several = (_CPUS_MOST,) if layout.online_cpus > 1 else ()
        for cpus in (layout.online_cpus, *several):
            yield kind, layout._replace(online_cpus=cpus, instructions=counted)
