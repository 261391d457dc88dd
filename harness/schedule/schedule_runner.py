"""Runs and judges the schedules of programs: a guest that is spoilt is replaced by another."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from errno import EOPNOTSUPP
from pathlib import Path
from typing import Final

from harness.base.progress import Progress
from harness.errors import InfrastructureError, KernelError, UsageError
from harness.guest.failure import AgentError
from harness.guest.running_guest import Guest
from harness.guest.schedule_wire import THREADS, SearchAnswer
from harness.guest.shape import Shape
from harness.guest.shape_words import describe_shape
from harness.run.prepare import Prepared
from harness.schedule.gate_finder import FoundGates, GateLevel, find_gates
from harness.schedule.guest_supply import GuestStart, GuestSupply
from harness.schedule.program_search import ProgramSearch, SearchSpace
from harness.schedule.random_sample import RandomChoice
from harness.schedule.schedule_judge import ScheduleJudge, shortest
from harness.schedule.schedules_result import FoundSchedule, ProgramSchedules, SchedulesResult
from harness.schedule.search_log import LoggedSearch, SearchLog, digest
from harness.schedule.start_state import require_variables
from harness.schedule.thread_program import ThreadProgram

NOT_ALL: Final = "the time was over"
NOT_HERE: Final = "the kernel lacks a function or variable that the program needs"
UNDECIDED: Final = (NOT_ALL, NOT_HERE)
"""The reasons that say nothing about the kernel, and leave the guest as it was."""


@dataclass(frozen=True, slots=True)
class SchedulesRequest:
    """What to run: each program, all its schedules within the bound.

    ``seconds`` limits the whole run; it ends when ``enough`` programs have broken a rule, if that
    is not 0.
    """

    programs: tuple[ThreadProgram, ...]
    shape: Shape
    out: Path
    bound: int = 2
    level: GateLevel = GateLevel.LOCK
    seconds: float = 600.0
    strict: bool = True
    template: bool = True
    enough: int = 0
    replay: tuple[int, ...] | None = None
    """Run only the schedule of these choices, ``times`` times."""
    times: int = 1
    random: RandomChoice | None = None
    """Run random schedules instead of all."""
    resume: bool = False
    """Go on where the log in ``out`` ends."""

    @property
    def searches(self) -> bool:
        """Tell whether all schedules are to be run, not one or random ones."""
        return self.replay is None and self.random is None


def run_schedules(
    prepared: Prepared, request: SchedulesRequest, progress: Progress
) -> SchedulesResult:
    """Run the schedules of all programs.  Failures of the kernel are part of the result.

    Raises NoGatesError for a kernel whose schedules cannot be decided.
    """
    require_cpus(request)
    require_variables(prepared.kernel)
    found = find_gates(prepared.kernel, request.level)
    start = GuestStart(prepared, request.shape, request.out, request.template)
    with GuestSupply(start, found.gates) as guests:
        return _Sitting(guests, prepared, request, found, progress).run()


def require_cpus(request: SchedulesRequest) -> None:
    """Raise UsageError for a machine that has too few CPUs for the threads."""
    most = max((max(one.cpus) + 1 for one in request.programs), default=0)
    if request.shape.smp <= most:
        raise UsageError(
            f"threads on {most} CPUs need a machine with {most + 1} CPUs, "
            f"and it has {request.shape.smp}",
            hint=f"give --shape smp={THREADS}, or smp={most + 1}",
        )


class _Sitting:
    """One run over all programs."""

    def __init__(
        self,
        guests: GuestSupply,
        prepared: Prepared,
        request: SchedulesRequest,
        found: FoundGates,
        progress: Progress,
    ) -> None:
        self.guests, self.prepared, self.request = guests, prepared, request
        self.found, self.progress = found, progress
        facts = prepared.kernel.content_hash, describe_shape(request.shape)
        self.log = SearchLog(request.out, *facts, resume=request.resume and request.searches)
        self.error = ""
        self.started = time.monotonic()

    def run(self) -> SchedulesResult:
        programs: list[ProgramSchedules] = []
        failed = 0
        release = self.prepared.kernel.release
        self.progress.step(f"running the schedules of {release}, bound {self.request.bound}")
        for one in self._until_the_end():
            programs.append(one)
            count = len(self.request.programs)
            self.progress.advance(len(programs), count, "programs")
            failed += bool(one.violations or one.crash)
            if failed == self.request.enough > 0:
                break
        self.guests.replace()
        return self._result(tuple(programs))

    def _until_the_end(self) -> Iterator[ProgramSchedules]:
        for program in self.request.programs:
            if self.error or time.monotonic() >= self._end:
                return
            yield self._program(program)

    @property
    def _end(self) -> float:
        return self.started + self.request.seconds

    def _program(self, program: ThreadProgram) -> ProgramSchedules:
        """Run and judge one program; its death or departure is part of what is returned."""
        gates = self.found.armed(program.parts, interrupts=program.interrupts)
        space = SearchSpace(program, gates, self.request.bound)
        began, run = time.monotonic(), _ProgramRun(space, self.request, self.log.known(space))
        if run.before.complete:
            return run.result(0.0)
        try:
            run.judge_in(self.guests.guest(), self.guests.numbers, self._end)
        except KernelError as error:
            run.crash = error.message
        except InfrastructureError as error:
            run.unknown = NOT_HERE if _lacks(error) else str(error)
            self.error = "" if _lacks(error) else run.unknown
        if run.spoilt:
            run.complaints = self.guests.replace()
        if run.crash and self.request.searches:
            self._find_death(run)
        if run.is_good:
            self.log.add(space, run.so_far)
        return run.result(time.monotonic() - began)

    def _find_death(self, run: "_ProgramRun") -> None:
        """Look for the schedule of which the kernel died, in another guest."""
        try:
            run.find_death(self.guests.guest())
        except (KernelError, InfrastructureError) as error:
            run.crash += f"; which schedule is not known: {error.message}"
        self.guests.replace()

    def _result(self, programs: tuple[ProgramSchedules, ...]) -> SchedulesResult:
        whole = time.monotonic() - self.started
        boot = self.guests.seconds
        return SchedulesResult(
            kernel=self.guests.facts,
            machine=describe_shape(self.guests.shape),
            command=self.guests.command,
            strict=self.request.strict,
            bound=self.request.bound,
            level=self.request.level.value,
            ungated=self.found.ungated,
            programs=programs,
            left_out=len(self.request.programs) - len(programs),
            troubles=tuple(self.guests.troubles),
            phases={"boot": boot, "schedules": whole - boot},
            error=self.error,
        )


def _lacks(error: InfrastructureError) -> bool:
    return isinstance(error, AgentError) and error.errno == EOPNOTSUPP


class _ProgramRun:
    """What is known of one program so far."""

    def __init__(
        self, space: SearchSpace, request: SchedulesRequest, before: LoggedSearch
    ) -> None:
        self.space, self.request, self.before = space, request, before
        self.search: ProgramSearch | None = None
        self.logs = before.logs
        self.outcomes = set(before.outcomes)
        self.found: list[FoundSchedule] = []
        self.odd: list[FoundSchedule] = []
        self.unknown = self.crash = self.death = ""
        self.complaints: tuple[str, ...] = ()

    def judge_in(self, guest: Guest, numbers: dict[int, int], until: float) -> None:
        """Run schedules until one has broken a rule, or there are no more."""
        self.search = search = ProgramSearch(guest, self.space)
        search.decisions = self.before.decisions
        search.schedules, search.steps = self.before.schedules, self.before.steps
        judge = ScheduleJudge(guest.info()[0], numbers, self.space.program, self.space.gates)
        for answer in self._answers(search, until):
            self.logs += len(answer.outcomes)
            for outcome in answer.outcomes:
                self.outcomes.add(digest(outcome))
                self.found += judge.violations(outcome)
                self.odd += judge.odd(outcome)
            self.unknown = search.unknown
            if self.found:
                return
        if not search.complete and not self.unknown:
            self.unknown = NOT_ALL

    def _answers(self, search: ProgramSearch, until: float) -> Iterator[SearchAnswer]:
        if self.request.random is not None:
            yield from search.samples(self.request.random, until)
        elif self.request.replay is None:
            yield from search.answers(until)
        else:
            yield search.replay(self.request.replay, self.request.times)

    def find_death(self, guest: Guest) -> None:
        """Run schedules one by one from where the last request began, until one kills *guest*."""
        if self.search is not None:
            again = ProgramSearch(guest, self.space)
            self.death = again.last_before_death(self.search.decisions)

    @property
    def spoilt(self) -> bool:
        """Tell whether the guest cannot be used for another program."""
        return bool(self.crash or (self.unknown and self.unknown not in UNDECIDED))

    @property
    def is_good(self) -> bool:
        """Tell whether nothing was found, so that a later run need not look again."""
        found = self.found or self.odd or self.spoilt or not self.request.searches
        return self.search is not None and not found

    @property
    def so_far(self) -> LoggedSearch:
        """How far the search has come."""
        search = self.search
        if search is None:
            return self.before
        return LoggedSearch(
            search.schedules,
            search.steps,
            self.logs,
            search.complete,
            search.decisions,
            tuple(sorted(self.outcomes)),
        )

    @property
    def _died(self) -> str:
        """How the kernel died, or of what it complained in a guest that was spoilt."""
        return "; ".join(filter(None, (self.crash, *self.complaints)))

    def result(self, seconds: float) -> ProgramSchedules:
        """What the report shows."""
        now = self.so_far
        return ProgramSchedules(
            program=self.space.program,
            bound=self.space.bound,
            gates=len(self.space.gates),
            schedules=now.schedules,
            logs=self.logs,
            outcomes=len(self.outcomes),
            steps=now.steps,
            complete=now.complete,
            seconds=seconds,
            violations=shortest(iter(self.found)),
            odd=shortest(iter(self.odd)),
            unknown="" if self.found else self.unknown,
            crash=self._died,
            death=self.death,
            replayed=self.request.replay is not None,
            sample=self.search.sample if self.search else None,
        )
