"""Tries one mutant on one kernel: builds it, runs it and says what was found."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from harness.base import project
from harness.base.progress import Quiet
from harness.base.stopwatch import Stopwatch
from harness.guest.shape import Shape
from harness.kernel.build import BuildError
from harness.mutants.mutant_catalogue import Mutant, MutantKind
from harness.mutants.score import Attempt, Detection, found_in, found_in_schedules
from harness.mutants.shared_tree import SharedTree
from harness.mutants.source_edit import PatchError, mutated
from harness.run.main_job import judge
from harness.run.prepare import Prepared
from harness.run.programs import Plan, read_plan
from harness.run.run_request import Launch, RunRequest
from harness.run.run_result import RunResult
from harness.run.throwaway import with_throwaway
from harness.schedule.gate_finder import GateLevel, NoGatesError
from harness.schedule.schedule_runner import SchedulesRequest, run_schedules
from harness.schedule.standard_programs import possible, small_programs, standard_programs
from harness.schedule.thread_program import ThreadProgram

SETS: Final = (
    (small_programs, GateLevel.LOCK),
    (small_programs, GateLevel.MEMORY),
    (standard_programs, GateLevel.LOCK),
    (standard_programs, GateLevel.MEMORY),
    (standard_programs, GateLevel.CALL),
)
"""The programs and the gates with which a race is looked for, from the fewest schedules on."""
CPUS = 4
"""CPUs of the machine for schedules: one for each of three threads, and one beside."""


@dataclass(frozen=True, slots=True)
class TrialSetup:
    """The programs that a mutant is judged with, the machine, and the folder for logs."""

    plan: Plan
    shape: Shape
    out: Path


def attempt(mutant: Mutant, shared: SharedTree, setup: TrialSetup) -> Attempt:
    """Build the kernel with the mutant in it, run the plan, then what the mutant needs.

    A patch that does not apply, or a kernel that does not build, gives an attempt with an error.
    """
    started = time.monotonic()
    try:
        with mutated(mutant, shared.tree.source) as edit:
            try:
                prepared = shared.rebuilt(Quiet())
            except BuildError as error:
                return Attempt(mutant, Detection.ERROR, "build", error.message, edit.diff)
            built = time.monotonic()
            found, where, what = _worst(_results(mutant, prepared, setup))
    except PatchError as error:
        return Attempt(mutant, Detection.ERROR, "patch", error.message)
    seconds = built - started, time.monotonic() - built
    return Attempt(mutant, found, where, what, edit.diff, *seconds)


def attempt_switched(
    mutant: Mutant, prepared: Prepared, setup: TrialSetup, launch: Launch
) -> Attempt:
    """Try a mutant that *prepared* contains; *launch* starts a guest with it switched on."""
    started = time.monotonic()
    found = _worst(_results(mutant, prepared, setup, launch))
    return Attempt(mutant, *found, run=time.monotonic() - started, alone=False)


Found = tuple[Detection, str, str]
"""The worst that a run showed, where it was first seen, and what it was."""


def _results(
    mutant: Mutant, prepared: Prepared, setup: TrialSetup, launch: Launch | None = None
) -> Iterator[Found]:
    """The findings of each run of the mutant.

    Without *launch* guests are booted, since a template does not pay for a kernel that runs once.
    A race is first looked for in schedules, which meet it whatever the timing.
    A mutant of the catalogue names the wrecking scenarios that it needs; another one gets all of
    them if the plan found nothing.
    """
    plan = setup.plan
    if mutant.kind is MutantKind.RACE:
        yield from (_schedules(one(), level, prepared, setup) for one, level in SETS)

    def judged(one: RunRequest) -> RunResult:
        return judge(prepared, one, Quiet(), Stopwatch(), launch=launch)

    request = RunRequest("", None, setup.shape, plan, setup.out, template=False, briefly=True)
    first = judged(request)
    yield found_in(first)
    if mutant.kind is MutantKind.OPERATOR and found_in(first)[0] is Detection.NOTHING:
        yield found_in(with_throwaway(first, request, judged))
    for name in mutant.needs:
        alone = read_plan([project.SCENARIOS / f"{name}.kmap"], plan.seed, 0)
        yield found_in(judged(replace(request, plan=replace(alone, throwaway=True))))


def _schedules(
    programs: Iterable[ThreadProgram], level: GateLevel, prepared: Prepared, setup: TrialSetup
) -> Found:
    """Return the findings of all their schedules, up to the first program that breaks a rule."""
    request = SchedulesRequest(
        programs=possible(programs, prepared.kernel),
        shape=replace(setup.shape, smp=CPUS),
        out=setup.out,
        level=level,
        strict=False,
        template=False,
        enough=1,
    )
    try:
        return found_in_schedules(run_schedules(prepared, request, Quiet()))
    except NoGatesError as error:
        return Detection.ERROR, f"schedules, {level} level", error.message


def _worst(results: Iterator[Found]) -> Found:
    """The first result that shows a broken contract, else the worst; later runs are not needed."""
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
