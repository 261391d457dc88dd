"""Newly failing scenarios run a second time: readers look into a failure that comes again."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from harness.check.checked_program import CheckedKind
from harness.check.comparison import Comparison, PatchEffect, shortest_first
from harness.check.judging import KernelJudge
from harness.check.lane import program_name
from harness.scenario.syntax import Scenario

CONFIRMED_MOST = 3
"""Newly failing scenarios that are run a second time, each alone."""


def second_runs(
    judge: KernelJudge, plan: Sequence[Scenario], found: Sequence[Comparison]
) -> Iterator[Comparison]:
    """*found*, after its shortest newly failing scenarios have run a second time, each alone.

    The first that does not fail alone runs again after the programs before it: it may need the
    state that they leave.
    """
    scenarios = {program_name(one): one for one in plan}
    new = [one for one in found if one.change is PatchEffect.NEWLY_FAILING]
    candidates = shortest_first(one for one in new if one.program in scenarios)
    chosen, longer = {one.program for one in candidates[:CONFIRMED_MOST]}, True
    for one in found:
        if one.change is not PatchEffect.NEWLY_FAILING or one.program not in chosen:
            yield one
            continue
        again = judge.confirm(scenarios[one.program])
        seen, after = again.kind is CheckedKind.CONTRACT, None
        if not seen and longer:
            longer = False
            after = judge.confirm_after(one.program).kind is CheckedKind.CONTRACT
        yield replace(one, tried=1, confirmed=int(seen), after=after)
