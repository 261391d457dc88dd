"""One kernel judged over all that a check runs, in two guests at once where the plan is long."""

import time
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from harness.base.progress import Progress, Quiet
from harness.check.checked_program import CheckedKind, CheckedProgram, checked_programs
from harness.check.lane import Lane, LaneResult, Workload, program_name
from harness.check.reproduce import keep_image
from harness.run.job import describe
from harness.run.prepare import Prepared
from harness.run.programs import Plan
from harness.run.throwaway import wrecks
from harness.scenario.syntax import Scenario

DIVIDED_FROM = 16
"""Scenarios from which on a second guest is worth its boot: about as long as these take."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one kernel did with every program.  ``error`` says why there is nothing, where there is nothing."""

    release: str
    config_hash: str
    machine: str
    command: str
    missing_evidence: tuple[str, ...] = ()
    programs: tuple[CheckedProgram, ...] = ()
    error: str = ""
    seconds: float = 0.0
    guests: int = 0

    @property
    def steps(self) -> int:
        """Judged steps."""
        return sum(one.steps for one in self.programs)


class KernelJudge:
    """Where one kernel is judged: its parts, the terms, the folder for the logs of its guests.

    *helper* runs a part of the plan at the same time (``helper.py``).
    """

    def __init__(
        self,
        prepared: Prepared,
        terms: Workload,
        out: Path,
        progress: Progress,
        helper: Executor | None = None,
    ) -> None:
        self.prepared = replace(prepared, kernel=keep_image(prepared.kernel, out))
        self.terms, self.out, self.progress, self.helper = terms, out, progress, helper

    def judgement(self) -> Judgement:
        """Run the plan in cold guests.

        A plan is divided the same way on every host and for every kernel: what ran before a program in
        its guest is equal for base and patched kernel.
        """
        started = time.monotonic()
        lanes = [
            Lane(self.prepared, replace(self.terms, plan=plan), self.out / f"lane-{number}")
            for number, plan in enumerate(divided(self.terms.plan))
        ]
        found = self._found(lanes)
        return Judgement(
            release=self.prepared.kernel.release,
            config_hash=self.prepared.kernel.config_hash,
            machine=describe(self.terms.shape),
            command=found[0].command,
            missing_evidence=found[0].missing_evidence,
            programs=tuple(
                one
                for lane, part in zip(lanes, found, strict=True)
                for one in _outcomes(lane, part, found)
            ),
            error=next((part.error for part in found if part.error), ""),
            seconds=time.monotonic() - started,
            guests=sum(part.guests for part in found),
        )

    def _found(self, lanes: Sequence[Lane]) -> Sequence[LaneResult]:
        """The first lane is run here, the others by the helper meanwhile; one after another where there is none."""
        if self.helper is None:
            return [lane.found(self.progress) for lane in lanes]
        others = [self.helper.submit(lane.found, Quiet()) for lane in lanes[1:]]
        return [lanes[0].found(self.progress), *(one.result() for one in others)]

    def confirm(self, scenario: Scenario) -> CheckedProgram:
        """The outcome of one scenario alone, in a guest of its own."""
        plan = Plan((scenario,), self.terms.plan.seed, 0, throwaway=wrecks(scenario))
        lane = Lane(self.prepared, self.terms, self.out / "alone" / program_name(scenario))
        result = lane.run(plan, self.progress, throwaway=False)
        found = checked_programs(result)
        return (
            found[-1]
            if found
            else CheckedProgram(program_name(scenario), CheckedKind.ERROR, reason=result.error)
        )


def _outcomes(
    lane: Lane, own: LaneResult, all_of_them: Sequence[LaneResult]
) -> Sequence[CheckedProgram]:
    """What a lane has found; where only its guests did not boot, every program of it is one without a verdict."""
    if own.programs or not any(one.programs for one in all_of_them):
        return own.programs
    return [
        CheckedProgram(program_name(one), CheckedKind.ERROR, reason=own.error)
        for one in lane.terms.plan.scenarios
    ]


def divided(plan: Plan) -> tuple[Plan, ...]:
    """*plan* in the parts that guests of their own run: a short one in one, another in two.

    What is generated goes with the second part, whose scenarios are fewer.
    """
    if len(plan.scenarios) < DIVIDED_FROM:
        return (plan,)
    first, second = plan.scenarios[::2], plan.scenarios[1::2]
    return replace(plan, scenarios=first, steps=0, abstract=0), replace(plan, scenarios=second)
