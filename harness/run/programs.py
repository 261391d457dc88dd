"""The programs of a run: scenarios (the user's, or all of ours), then generated programs."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from harness.errors import UsageError
from harness.model.records.layout import Layout
from harness.model.records.machine import missing_operations
from harness.scenario.abstract_lowering import abstract_programs
from harness.scenario.facts import Facts
from harness.scenario.generate import Wishes, generate, prelude
from harness.scenario.lowering import lower
from harness.scenario.program import BOOT, NotApplicable, Program, boot
from harness.scenario.scenario_parser import read_scenario
from harness.scenario.syntax import Scenario

PROGRAM_STEPS = 4_000
"""Steps of one generated program: several programs meet several starts."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Parsed scenarios, and how much to generate from which seed.

    ``abstract``: steps that abstract programs shall leave in each of their lowerings.
    ``throwaway``: the guest may be wrecked, and is discarded after the one scenario there is.
    ``only``: the name of the one program to run; ``until``: that of the last one.
    """

    scenarios: tuple[Scenario, ...]
    seed: int
    steps: int
    throwaway: bool = False
    abstract: int = 0
    only: str = ""
    until: str = ""


def read_plan(files: Sequence[Path], seed: int, steps: int, abstract: int = 0) -> Plan:
    """Parse every scenario, before anything is fetched or booted.

    Raises UsageError, which names file and line.
    """
    if not files and not steps and not abstract:
        raise UsageError(
            "there is nothing to run: no scenario and no generated steps",
            hint="give --scenario, --steps or --abstract",
        )
    return Plan(tuple(read_scenario(path) for path in files), seed, steps, abstract=abstract)


def plan_words(plan: Plan) -> str:
    """The programs of a run, in words."""
    parts = []
    if plan.only:
        return plan.only
    if len(plan.scenarios) == 1:
        parts.append(Path(plan.scenarios[0].file).stem)
    elif plan.scenarios:
        parts.append(f"{len(plan.scenarios)} scenarios")
    if plan.steps or plan.abstract:
        parts.append(f"{plan.steps + plan.abstract} generated steps")
    return " and ".join(parts) + (f", up to {plan.until}" if plan.until else "")


def planned(
    plan: Plan, layout: Layout, *, above_4g: bool, fresh: bool = True
) -> Iterator[Program | NotApplicable]:
    """The boot, then the programs of *plan* for this guest, in order.

    A prelude comes before them if any is generated.  Scenarios that want the first state of a
    guest come before it, if the guest is *fresh*, and once more at the end.
    Raises ScenarioError, before the first program, if a scenario cannot be lowered for this guest.
    """
    for one in _all_programs(plan, layout, above_4g=above_4g, fresh=fresh):
        if one.name == BOOT or plan.only in ("", one.name):
            yield one
        if one.name == plan.until:
            return


def _all_programs(
    plan: Plan, layout: Layout, *, above_4g: bool, fresh: bool
) -> Iterator[Program | NotApplicable]:
    lacking = missing_operations(layout)
    known = Facts(
        layout,
        above_4g=above_4g,
        missing=lacking,
        throwaway=plan.throwaway,
        fresh=fresh,
        seed=plan.seed,
    )
    first, others = by_start(plan.scenarios)
    begun = [lower(scenario, known) for scenario in first]
    lowered = [lower(scenario, known) for scenario in others]
    yield boot()
    yield from begun
    if plan.steps or plan.abstract:
        yield prelude(known, Random(plan.seed), name=f"prelude-{plan.seed}")
    yield from lowered
    yield from _generated(plan, known)
    if plan.abstract:
        yield from abstract_programs(known, plan.seed, plan.abstract)
    if others or plan.steps or plan.abstract:
        yield from (_again(one) for one in begun if isinstance(one, Program))


def by_start(
    scenarios: Sequence[Scenario],
) -> tuple[tuple[Scenario, ...], tuple[Scenario, ...]]:
    """The scenarios that want the first state of a guest, and the others."""
    first = tuple(one for one in scenarios if any(fact.name == "fresh" for fact in one.requires))
    return first, tuple(one for one in scenarios if one not in first)


def _again(program: Program) -> Program:
    """*program*, which began in the first state, in the state that all others have left."""
    return replace(program, name=f"{program.name}-again")


def _generated(plan: Plan, known: Facts) -> Iterator[Program]:
    """Programs of PROGRAM_STEPS each, the last one shorter."""
    random = Random(plan.seed)
    for number in range(-(-plan.steps // PROGRAM_STEPS)):
        steps = min(PROGRAM_STEPS, plan.steps - number * PROGRAM_STEPS)
        yield generate(
            known,
            Random(random.getrandbits(64)),
            Wishes(steps),
            name=f"random-{plan.seed}-{number}",
        )
