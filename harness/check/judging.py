"""One kernel judged over a plan, whatever it does: a crash ends a guest, not the work."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath

from harness.check.outcome import Kind, Outcome, outcomes
from harness.check.reproduce import keep_image
from harness.guest.shape import Shape
from harness.kernel.progress import Progress
from harness.run.job import Request, Stopwatch, describe, judge
from harness.run.prepare import Prepared
from harness.run.programs import Plan
from harness.run.result import RunResult
from harness.run.throwaway import with_throwaway, wrecks
from harness.scenario.syntax import Scenario

GUESTS_MOST = 5
"""Guests for one kernel: one that crashes in every scenario has told enough by then."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What is run, on which machine: equal for base and patched kernel."""

    shape: Shape
    plan: Plan
    throwaway: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one kernel did with every program.  ``error`` says why there is nothing, where there is nothing."""

    release: str
    config_hash: str
    machine: str
    command: str
    missing_evidence: tuple[str, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    error: str = ""
    seconds: float = 0.0
    guests: int = 0

    @property
    def steps(self) -> int:
        """Judged steps."""
        return sum(one.steps for one in self.outcomes)


class Bench:
    """Where one kernel is judged: its parts, the terms, the folder for the logs of its guests."""

    def __init__(self, prepared: Prepared, terms: Terms, out: Path, progress: Progress) -> None:
        self.prepared = replace(prepared, kernel=keep_image(prepared.kernel, out))
        self.terms, self.out, self.progress = terms, out, progress
        self.watch = Stopwatch()
        self.guests = 0

    def judgement(self) -> Judgement:
        """Run the plan in cold guests."""
        result = self.run(self.terms.plan)
        found = list(outcomes(result))
        while _ended(result) and self.guests < GUESTS_MOST and (left := self._left(found)):
            result = self.run(Plan(left, self.terms.plan.seed, 0))
            found += outcomes(result)
        if _ended(result):
            reason = f"not run: {self.guests} guests had crashed or could not go on"
            found += [Outcome(program_name(one), Kind.ERROR, reason=reason) for one in self._left(found)]
        return Judgement(
            release=self.prepared.kernel.release,
            config_hash=self.prepared.kernel.config_hash,
            machine=describe(self.terms.shape),
            command=result.command,
            missing_evidence=result.missing_evidence,
            outcomes=tuple(found),
            error="" if found else result.error,
            seconds=sum(self.watch.seconds.values()),
            guests=self.guests,
        )

    def confirm(self, scenario: Scenario) -> Outcome:
        """The outcome of one scenario alone, in a guest of its own."""
        plan = Plan((scenario,), self.terms.plan.seed, 0, throwaway=wrecks(scenario))
        result = self.run(plan, throwaway=False)
        found = outcomes(result)
        return found[-1] if found else Outcome(program_name(scenario), Kind.ERROR, reason=result.error)

    def run(self, plan: Plan, *, throwaway: bool | None = None) -> RunResult:
        """One guest over *plan*; scenarios that wreck it are given guests of their own, where wanted."""
        wanted = self.terms.throwaway if throwaway is None else throwaway
        out = self.out / f"guest-{self.guests}"
        out.mkdir(parents=True, exist_ok=True)
        self.guests += 1
        kernel = self.prepared.kernel
        request = Request(kernel.name, None, self.terms.shape, plan, out, template=False, throwaway=wanted)
        result = judge(self.prepared, request, self.progress, self.watch)
        if not wanted or result.crash or result.error:
            return result
        return with_throwaway(
            result, request, lambda one: judge(self.prepared, one, self.progress, self.watch)
        )

    def _left(self, found: Sequence[Outcome]) -> tuple[Scenario, ...]:
        """The scenarios that no guest has come to."""
        done = {one.program for one in found}
        return tuple(one for one in self.terms.plan.scenarios if program_name(one) not in done)


def _ended(result: RunResult) -> bool:
    """Whether the guest ended before its plan: it crashed, or a program left it unfit for the next."""
    return bool(result.programs) and bool(result.crash or result.error)


def program_name(scenario: Scenario) -> str:
    """The name of the program that a scenario is lowered to (``scenario/lower.py``)."""
    return PurePath(scenario.file).stem
