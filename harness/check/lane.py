"""One part of a workload on one kernel: a crash ends a guest, and the next guest goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from harness.base.progress import Progress
from harness.base.stopwatch import Stopwatch
from harness.check.checked_program import CheckedKind, CheckedProgram, checked_programs
from harness.compare.known_bugs import KnownBugs
from harness.compare.known_bugs_file import our_known_bugs
from harness.errors import InfrastructureError
from harness.guest.shape import Shape
from harness.run.main_job import judge
from harness.run.prepare import Prepared
from harness.run.programs import Plan
from harness.run.run_request import RunRequest
from harness.run.run_result import RunResult
from harness.run.throwaway import with_throwaway, wrecks
from harness.scenario.syntax import Scenario

RESTORED_FROM = 6
"""From so many scenarios that wreck a guest on, a template that all of them start from pays."""
GUESTS_MOST = 5
"""Guests of one lane: a kernel that crashes in every scenario has shown enough by then."""


@dataclass(frozen=True, slots=True)
class Workload:
    """The programs that run, and the machine: equal for base and patched kernel.

    With ``histories`` so many operations of concurrent histories, and the standard schedules, run
    instead of the plan.  With ``first`` the first program that breaks a rule ends its lane.
    """

    shape: Shape
    plan: Plan
    throwaway: bool = False
    histories: int = 0
    known_bugs: KnownBugs = field(default_factory=our_known_bugs)
    first: bool = False


@dataclass(frozen=True, slots=True)
class LaneResult:
    """The results of one lane; ``error`` says why ``programs`` is empty, if it is.

    ``reports`` are those of a kernel that did not boot.
    """

    command: str
    missing_evidence: tuple[str, ...]
    lost_because: tuple[str, ...]
    programs: tuple[CheckedProgram, ...]
    error: str
    guests: int
    reports: tuple[tuple[str, ...], ...] = ()


@dataclass(slots=True)
class Lane:
    """Runs one guest after the other until every program of the plan has run.

    Each guest writes its logs to a folder below ``out``.
    """

    prepared: Prepared
    workload: Workload
    out: Path
    guests: int = field(default=0, init=False)

    def result(self, progress: Progress) -> LaneResult:
        """Run the plan in guests that are booted, not restored."""
        plan = self.workload.plan
        run = self.run(plan, progress)
        found, runs = list(checked_programs(run)), [run]
        while self._goes_on(run) and self.guests < GUESTS_MOST and (left := self._left(found)):
            run = self.run(Plan(left, plan.seed, 0), progress)
            found += checked_programs(run)
            runs.append(run)
        if self._goes_on(run):
            found += self._not_run(found)
        error = "" if found else run.error
        return LaneResult(
            run.command,
            tuple(dict.fromkeys(name for one in runs for name in one.missing_evidence)),
            tuple(dict.fromkeys(reason for one in runs for reason in one.lost_because)),
            tuple(found),
            error,
            self.guests,
            run.reports,
        )

    def run(self, plan: Plan, progress: Progress, *, throwaway: bool | None = None) -> RunResult:
        """Run *plan* in one guest, and each scenario that wrecks a guest in one of its own.

        Those scenarios run only if *throwaway* says so; None stands for the workload's choice.
        """
        wanted = self.workload.throwaway if throwaway is None else throwaway
        out = self.out / f"guest-{self.guests}"
        out.mkdir(parents=True, exist_ok=True)
        self.guests += 1
        name, shape, watch = self.prepared.kernel.name, self.workload.shape, Stopwatch()
        request = RunRequest(
            name,
            None,
            shape,
            plan,
            out,
            template=False,
            throwaway=wanted,
            briefly=self.workload.first,
            known_bugs=self.workload.known_bugs,
        )
        result = judge(self.prepared, request, progress, watch)
        if result.error and not result.programs and not result.dead:
            raise InfrastructureError(result.error, hint="nothing is known about the kernel")
        if not wanted or result.crash or result.error or self._has_enough(result):
            return result
        restored = sum(map(wrecks, plan.scenarios)) >= RESTORED_FROM
        return with_throwaway(
            result,
            request,
            lambda one: judge(self.prepared, replace(one, template=restored), progress, watch),
        )

    def _goes_on(self, result: RunResult) -> bool:
        """Tell whether another guest takes the programs that this one has not reached."""
        return _ended(result) and not self._has_enough(result)

    def _has_enough(self, result: RunResult) -> bool:
        """Tell whether a program has broken a rule, and the workload asks for no more."""
        broken = (one.kind is CheckedKind.CONTRACT for one in checked_programs(result))
        return self.workload.first and any(broken)

    def _left(self, found: Sequence[CheckedProgram]) -> tuple[Scenario, ...]:
        """The scenarios that no guest has reached."""
        done = {one.program for one in found}
        return tuple(one for one in self.workload.plan.scenarios if program_name(one) not in done)

    def _not_run(self, found: Sequence[CheckedProgram]) -> list[CheckedProgram]:
        reason = f"not run: {self.guests} guests had crashed or could not go on"
        names = (program_name(one) for one in self._left(found))
        return [CheckedProgram(name, CheckedKind.ERROR, reason=reason) for name in names]


def _ended(result: RunResult) -> bool:
    """Tell whether the guest ended before its plan did: it crashed, or could not run the next."""
    return bool(result.programs) and bool(result.crash or result.error or result.unconfirmed)


def program_name(scenario: Scenario) -> str:
    """The name of the program that *scenario* is lowered to (``scenario/lowering.py``)."""
    return PurePath(scenario.file).stem
