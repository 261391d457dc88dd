"""Scenarios in words and as JSON values: their list, and what a look through them found."""

from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Any

from harness.report.folding import WIDTH
from harness.run.scenario_lint import LintedScenario
from harness.scenario.syntax import Scenario


def listing_lines(scenarios: Sequence[tuple[str, Scenario]]) -> Iterator[str]:
    """Each scenario with its name, its title, and what it requires of a guest."""
    width = max((len(name) for name, _ in scenarios), default=0) + 2
    for name, scenario in scenarios:
        yield from _columns(name, scenario.title or "(no title)", width)
        if scenario.requires:
            yield from _columns("", f"requires {', '.join(map(str, scenario.requires))}", width)
    yield f"{len(scenarios)} scenarios"


def _columns(name: str, text: str, width: int) -> Iterator[str]:
    first, *rest = wrap(text, WIDTH - width)
    yield f"{name:{width}}{first}"
    yield from (f"{'':{width}}{line}" for line in rest)


def listing_value(scenarios: Sequence[tuple[str, Scenario]]) -> list[dict[str, Any]]:
    """The list as JSON values."""
    return [
        {
            "name": name,
            "file": scenario.file,
            "title": scenario.title,
            "requires": [str(one) for one in scenario.requires],
        }
        for name, scenario in scenarios
    ]


def lint_lines(found: Sequence[LintedScenario]) -> Iterator[str]:
    """The errors of each file, or the kernels on which it can run; then the verdict."""
    for one in found:
        yield from one.error.splitlines() if one.error else _applies(one)
    wrong = sum(bool(one.error) for one in found)
    yield f"verdict     {f'WRONG: mistakes in {wrong} of {len(found)}' if wrong else 'no error'}"


def _applies(one: LintedScenario) -> Iterator[str]:
    if not one.applies:
        yield f"{one.file}: warning: no kind of kernel can run it"
        yield from (f"    {reason}" for reason in one.not_applicable)
        return
    least, most = one.steps
    steps = f"{most} steps" if least == most else f"{least} to {most} steps"
    yield f"{one.file}: {steps}, on {_kinds(len(one.applies))} of kernel"
    if not one.title:
        yield "    warning: it has no title"
    if one.throwaway:
        yield "    it wrecks the kernel: `run` executes it with --throwaway"


def _kinds(count: int) -> str:
    return "1 kind" if count == 1 else f"{count} kinds"


def lint_value(found: Sequence[LintedScenario]) -> list[dict[str, Any]]:
    """The same as JSON values."""
    return [
        {
            "file": str(one.file),
            "title": one.title,
            "requires": one.requires,
            "error": one.error,
            "least_steps": one.steps[0],
            "most_steps": one.steps[1],
            "applies": one.applies,
            "not_applicable": one.not_applicable,
            "throwaway": one.throwaway,
        }
        for one in found
    ]
