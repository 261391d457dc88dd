"""Scenarios that wreck a kernel: each in a guest of its own, which is discarded afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.run.programs import Plan
from harness.run.result import ProgramOutcome, RunResult
from harness.scenario.syntax import Scenario

if TYPE_CHECKING:
    from harness.run.job import Request


def wrecks(scenario: Scenario) -> bool:
    """Whether the scenario asks for a guest that may be wrecked."""
    return any(one.name == "throwaway" and not one.negated for one in scenario.requires)


def with_throwaway(result: RunResult, request: Request, judge: Callable[[Request], RunResult]) -> RunResult:
    """*result* with the request's throwaway scenarios run as well; *judge* boots a guest for each.

    One that is not applicable for another reason too is not booted for.
    """
    names = {one.name for one in result.not_applicable if "requires throwaway" in one.not_applicable}
    for scenario in request.plan.scenarios:
        name = _name(scenario)
        if wrecks(scenario) and name in names:
            plan = Plan((scenario,), request.plan.seed, 0, throwaway=True)
            found = judge(replace(request, plan=plan, trace=None, throwaway=False))
            result = replace(
                result,
                programs=tuple(_instead(result.programs, found.programs)),
                error=result.error or found.error,
                crash=result.crash or found.crash,
            )
    return result


def _name(scenario: Scenario) -> str:
    return scenario.file.rsplit("/", 1)[-1].removesuffix(".kmap")


def _instead(
    programs: tuple[ProgramOutcome, ...], found: tuple[ProgramOutcome, ...]
) -> Iterator[ProgramOutcome]:
    """*programs* with those of the same name replaced."""
    new = {one.name: one for one in found}
    yield from (new.get(one.name, one) for one in programs)
