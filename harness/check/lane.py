"""One kernel judged over a plan, whatever it does: a crash ends a guest, not the work."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from harness.base.progress import Progress
from harness.base.stopwatch import Stopwatch
from harness.check.checked_program import CheckedKind, CheckedProgram, checked_programs
from harness.guest.shape import Shape
from harness.run.job import Request, judge
from harness.run.prepare import Prepared
from harness.run.programs import Plan
from harness.run.run_result import RunResult
from harness.run.throwaway import with_throwaway
from harness.scenario.syntax import Scenario

GUESTS_MOST = 5
"""Guests for one lane: a kernel that crashes in every scenario has told enough by then."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What is run, on which machine: equal for base and patched kernel."""

    shape: Shape
    plan: Plan
    throwaway: bool = False


@dataclass(frozen=True, slots=True)
class LaneResult:
    """What one lane has seen.  ``error`` says why there is nothing, where there is nothing."""

    command: str
    missing_evidence: tuple[str, ...]
    programs: tuple[CheckedProgram, ...]
    error: str
    guests: int


@dataclass(slots=True)
class Lane:
    """Guest after guest, until every program of the plan has run; the folder is for their logs."""

    prepared: Prepared
    terms: Workload
    out: Path
    guests: int = field(default=0, init=False)

    def found(self, progress: Progress) -> LaneResult:
        """Run the plan in cold guests."""
        result = self.run(self.terms.plan, progress)
        found = list(checked_programs(result))
        while _ended(result) and self.guests < GUESTS_MOST and (left := self._left(found)):
            result = self.run(Plan(left, self.terms.plan.seed, 0), progress)
            found += checked_programs(result)
        if _ended(result):
            reason = f"not run: {self.guests} guests had crashed or could not go on"
            found += [
                CheckedProgram(program_name(one), CheckedKind.ERROR, reason=reason)
                for one in self._left(found)
            ]
        return LaneResult(
            result.command,
            result.missing_evidence,
            tuple(found),
            "" if found else result.error,
            self.guests,
        )

    def run(self, plan: Plan, progress: Progress, *, throwaway: bool | None = None) -> RunResult:
        """One guest over *plan*; scenarios that wreck it are given guests of their own, where wanted."""
        wanted = self.terms.throwaway if throwaway is None else throwaway
        out = self.out / f"guest-{self.guests}"
        out.mkdir(parents=True, exist_ok=True)
        self.guests += 1
        kernel, watch = self.prepared.kernel, Stopwatch()
        request = Request(
            kernel.name, None, self.terms.shape, plan, out, template=False, throwaway=wanted
        )
        result = judge(self.prepared, request, progress, watch)
        if not wanted or result.crash or result.error:
            return result
        return with_throwaway(
            result, request, lambda one: judge(self.prepared, one, progress, watch)
        )

    def _left(self, found: Sequence[CheckedProgram]) -> tuple[Scenario, ...]:
        """The scenarios that no guest has come to."""
        done = {one.program for one in found}
        return tuple(one for one in self.terms.plan.scenarios if program_name(one) not in done)


def _ended(result: RunResult) -> bool:
    """Whether the guest ended before its plan: it crashed, or a program left it unfit for the next."""
    return bool(result.programs) and bool(result.crash or result.error)


def program_name(scenario: Scenario) -> str:
    """The name of the program that a scenario is lowered to (``scenario/lower.py``)."""
    return PurePath(scenario.file).stem
