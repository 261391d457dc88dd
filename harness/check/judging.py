"""One kernel judged over a whole workload, in two guests at once where the plan is long."""

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path

from harness.base.progress import Labelled, Progress, Quiet
from harness.check.checked_program import CheckedKind, CheckedProgram, checked_programs
from harness.check.history_programs import history_programs
from harness.check.lane import Lane, LaneResult, Workload, program_name
from harness.check.reproduce import keep_image
from harness.check.schedule_programs import divided_programs, run_schedule_programs
from harness.guest.shape_words import describe_shape
from harness.history.histories_result import HistoriesResult
from harness.history.history_runner import HistoriesRequest, run_histories
from harness.run.prepare import Prepared
from harness.run.programs import Plan, by_start
from harness.run.throwaway import wrecks
from harness.run.usual_machine import usual_machine
from harness.scenario.syntax import Scenario

LANE_SECONDS = 6 * 3600.0
"""For the second guest's lane, whose own waits all have shorter deadlines."""
DIVIDED_FROM = 16
"""From so many scenarios on a second guest pays: they take about as long as a boot."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one kernel did with every program.

    ``error`` says why ``programs`` is empty, if it is; ``seconds`` is the time that all took.
    ``reports`` are those of a kernel that did not boot, each with all its lines.
    """

    release: str
    config_hash: str
    machine: str
    command: str
    missing_evidence: tuple[str, ...] = ()
    lost_because: tuple[str, ...] = ()
    programs: tuple[CheckedProgram, ...] = ()
    error: str = ""
    reports: tuple[tuple[str, ...], ...] = ()
    seconds: float = 0.0
    guests: int = 0

    @property
    def steps(self) -> int:
        """Number of judged steps."""
        return sum(one.steps for one in self.programs)


class KernelJudge:
    """Runs a workload on one kernel and judges it; the logs of its guests go to a folder.

    *helper* drives the second guest (``helper_process.py``); without one the guests take turns.
    """

    def __init__(
        self,
        prepared: Prepared,
        workload: Workload,
        out: Path,
        progress: Progress,
        helper: Executor | None = None,
    ) -> None:
        self.prepared = replace(prepared, kernel=keep_image(prepared.kernel, out))
        self.workload, self.out, self.progress, self.helper = workload, out, progress, helper

    def judgement(self) -> Judgement:
        """Run the workload in guests that are booted, not restored.

        Every host divides a plan in the same way for every kernel, so the same programs run
        before a program in its guest on the base and on the patched kernel.
        """
        started = time.monotonic()
        if self.workload.histories:
            return self._in_histories(started)
        lanes = [
            Lane(self.prepared, replace(self.workload, plan=plan), self.out / f"lane-{number}")
            for number, plan in enumerate(divided(self.workload.plan))
        ]
        results = self._results(lanes)
        programs = (_programs(*both, results) for both in zip(lanes, results, strict=True))
        return Judgement(
            release=self.prepared.kernel.release,
            config_hash=self.prepared.kernel.config_hash,
            machine=describe_shape(usual_machine(self.workload.shape, self.prepared.kernel)),
            command=results[0].command,
            missing_evidence=_all(one.missing_evidence for one in results),
            lost_because=_all(one.lost_because for one in results),
            programs=merged(one for each in programs for one in each),
            error=next((one.error for one in results if one.error), ""),
            reports=next((one.reports for one in results if one.reports), ()),
            seconds=time.monotonic() - started,
            guests=sum(one.guests for one in results),
        )

    def _in_histories(self, started: float) -> Judgement:
        """Run concurrent histories, and every schedule of small programs."""
        first, second = (
            (programs, self.workload.shape, self.out / f"schedules-{number}")
            for number, programs in enumerate(divided_programs(self.prepared.kernel), 1)
        )
        waiting = self.helper and self.helper.submit(
            run_schedule_programs, self.prepared, *second, Quiet()
        )
        result = self._histories()
        programs = history_programs(result)
        error = "" if programs else result.error or result.crash or "no history was judged"
        if programs:
            programs += run_schedule_programs(self.prepared, *first, self.progress)
            programs += (
                waiting.result(LANE_SECONDS)
                if waiting
                else run_schedule_programs(self.prepared, *second, self.progress)
            )
        return Judgement(
            release=self.prepared.kernel.release,
            config_hash=self.prepared.kernel.config_hash,
            machine=result.machine,
            command=result.command,
            programs=merged(programs),
            error=error,
            seconds=time.monotonic() - started,
            guests=3,
        )

    def _histories(self) -> HistoriesResult:
        """Run the concurrent histories in a guest that is booted."""
        self.out.mkdir(parents=True, exist_ok=True)
        workload = self.workload
        request = HistoriesRequest(
            workload.shape,
            workload.plan.seed,
            workload.histories,
            self.out,
            template=False,
            strict=False,
        )
        return run_histories(self.prepared, request, self.progress)

    def _results(self, lanes: Sequence[Lane]) -> Sequence[LaneResult]:
        """Run the first lane here, and meanwhile the others in the helper, if there is one."""
        if self.helper is None:
            return [lane.result(self._told(number, lanes)) for number, lane in enumerate(lanes, 1)]
        others = [self.helper.submit(lane.result, Quiet()) for lane in lanes[1:]]
        first = lanes[0].result(self._told(1, lanes))
        if others:
            self.progress.step("waiting for the second guest, which runs the other programs")
        return [first, *(one.result(LANE_SECONDS) for one in others)]

    def _told(self, number: int, lanes: Sequence[Lane]) -> Progress:
        """The progress of one lane, which says so where there are several."""
        if len(lanes) == 1:
            return self.progress
        return Labelled(self.progress, f"guest {number} of {len(lanes)}")

    def confirm(self, scenario: Scenario) -> CheckedProgram:
        """Run one scenario alone, in a guest of its own."""
        name = program_name(scenario)
        plan = Plan((scenario,), self.workload.plan.seed, 0, throwaway=wrecks(scenario))
        return self._again(plan, name, "alone")

    def confirm_after(self, name: str) -> CheckedProgram:
        """Run the program *name* in another guest, after all that ran before it."""
        plan = next(
            part
            for part in divided(self.workload.plan)
            if any(program_name(one) == name for one in part.scenarios)
        )
        return self._again(replace(plan, until=name), name, "after")

    def _again(self, plan: Plan, name: str, how: str) -> CheckedProgram:
        lane = Lane(self.prepared, self.workload, self.out / how / name)
        progress = Labelled(self.progress, f"{name} again, {how}")
        result = lane.run(plan, progress, throwaway=False)
        found = checked_programs(result)
        return found[-1] if found else CheckedProgram(name, CheckedKind.ERROR, reason=result.error)


def _all(names: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Everything that any of the lanes has, each thing once."""
    return tuple(dict.fromkeys(name for some in names for name in some))


JudgeFactory = Callable[[Prepared, Workload, Path, Progress], KernelJudge]


def _programs(
    lane: Lane, own: LaneResult, all_of_them: Sequence[LaneResult]
) -> Sequence[CheckedProgram]:
    """The programs of one lane.

    If its guests did not boot while another lane's did, each of its programs is an error.
    """
    if own.programs or not any(one.programs for one in all_of_them):
        return own.programs
    return [
        CheckedProgram(program_name(one), CheckedKind.ERROR, reason=own.error)
        for one in lane.workload.plan.scenarios
    ]


def divided(plan: Plan) -> tuple[Plan, ...]:
    """Divide *plan* for guests that run at the same time: a long plan in two, a short one not.

    Generated programs go to the second part, which has fewer scenarios.  Scenarios that want the
    first state of a guest go to both.
    """
    if len(plan.scenarios) < DIVIDED_FROM:
        return (plan,)
    begin, others = by_start(plan.scenarios)
    first, second = (*begin, *others[::2]), (*begin, *others[1::2])
    return replace(plan, scenarios=first, steps=0, abstract=0), replace(plan, scenarios=second)


def merged(programs: Iterable[CheckedProgram]) -> tuple[CheckedProgram, ...]:
    """*programs*, those of one name once: every guest has a start, the worst of which counts."""
    found: dict[str, CheckedProgram] = {}
    for one in programs:
        known = found.get(one.program)
        if known is None or _WORST.index(one.kind) < _WORST.index(known.kind):
            found[one.program] = one
    return tuple(found.values())


_WORST = (
    CheckedKind.CONTRACT,
    CheckedKind.ERROR,
    CheckedKind.UNKNOWN,
    CheckedKind.BEHAVIOUR,
    CheckedKind.AGREE,
    CheckedKind.NOT_APPLICABLE,
)
