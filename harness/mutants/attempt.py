"""One mutant tried on one kernel: built, run, and what was found of it."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness.base import project
from harness.base.progress import Quiet
from harness.base.stopwatch import Stopwatch
from harness.guest.shape import Shape
from harness.history.history_runner import HistoriesRequest, run_histories
from harness.kernel.build import BuildError
from harness.mutants.mutant_catalogue import Mutant, MutantKind
from harness.mutants.score import Attempt, Detection, found_in, found_in_histories
from harness.mutants.shared_tree import SharedTree
from harness.mutants.source_edit import PatchError, mutated
from harness.run.main_job import judge
from harness.run.prepare import Prepared
from harness.run.programs import Plan, read_plan
from harness.run.run_request import Launch, RunRequest
from harness.run.throwaway import with_throwaway

HISTORIES = 80_000
"""Operations of concurrent histories for a race: eight or so histories of the regime that provokes it."""


@dataclass(frozen=True, slots=True)
class TrialSetup:
    """What a mutant is judged with: programs, machine, seed, and the folder for the guests' logs."""

    plan: Plan
    shape: Shape
    out: Path


def attempt(mutant: Mutant, field: SharedTree, means: TrialSetup) -> Attempt:
    """Build the kernel with the mutant in it and run the plan; where that finds nothing, what the mutant needs.

    A patch that does not apply, or a kernel that does not build, is an error of the attempt.
    """
    started = time.monotonic()
    try:
        with mutated(mutant, field.tree.source) as edit:
            try:
                prepared = field.rebuilt(Quiet())
            except BuildError as error:
                return Attempt(mutant, Detection.ERROR, "build", error.message, edit.diff)
            built = time.monotonic()
            found, where, what = _worst(_results(mutant, prepared, means))
    except PatchError as error:
        return Attempt(mutant, Detection.ERROR, "patch", error.message)
    seconds = built - started, time.monotonic() - built
    return Attempt(mutant, found, where, what, edit.diff, *seconds)


def attempt_switched(
    mutant: Mutant, prepared: Prepared, means: TrialSetup, launch: Launch
) -> Attempt:
    """The same in a kernel that has the mutant; *launch* starts a guest in which it is switched on."""
    started = time.monotonic()
    found = _worst(_results(mutant, prepared, means, launch))
    return Attempt(mutant, *found, run=time.monotonic() - started, alone=False)


def _results(
    mutant: Mutant, prepared: Prepared, means: TrialSetup, launch: Launch | None = None
) -> Iterator[tuple[Detection, str, str]]:
    """Without *launch* guests are booted: a kernel that is run once would not be worth a template.

    A mutant of the catalogue names the wrecking scenarios that it needs; another one gets them all.
    """
    plan = means.plan
    request = RunRequest("", None, means.shape, plan, means.out, template=False, briefly=True)
    first = judge(prepared, request, Quiet(), Stopwatch(), launch=launch)
    yield found_in(first)
    if mutant.kind is MutantKind.OPERATOR and found_in(first)[0] is Detection.NOTHING:
        yield found_in(
            with_throwaway(
                first,
                request,
                lambda one: judge(prepared, one, Quiet(), Stopwatch(), launch=launch),
            )
        )
    for name in mutant.needs:
        alone = read_plan([project.SCENARIOS / f"{name}.kmap"], plan.seed, 0)
        one = replace(request, plan=replace(alone, throwaway=True))
        yield found_in(judge(prepared, one, Quiet(), Stopwatch(), launch=launch))
    if mutant.regime:
        histories = HistoriesRequest(
            means.shape,
            plan.seed,
            HISTORIES,
            means.out,
            template=False,
            strict=False,
            only=mutant.regime,
        )
        yield found_in_histories(mutant.regime, run_histories(prepared, histories, Quiet()))


def _worst(results: Iterator[tuple[Detection, str, str]]) -> tuple[Detection, str, str]:
    """Of several runs the first that has found a broken promise, else the one that says most."""
    order = (
        Detection.CONTRACT,
        Detection.DEAD,
        Detection.BEHAVIOUR,
        Detection.ERROR,
        Detection.NOTHING,
    )
    worst = (Detection.NOTHING, "", "")
    for result in results:
        worst = min(worst, result, key=lambda one: order.index(one[0]))
        if worst[0] is Detection.CONTRACT:
            break
    return worst
