"""A campaign: programs until the time is over, and a small proven program for each failure."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from harness.base.progress import Progress
from harness.check.checked_program import CRASH
from harness.fuzz.fuzz_programs import FuzzedProgram, ProgramSource
from harness.fuzz.fuzzed_guest import FailureKind, FuzzedGuest, FuzzedRun, Start
from harness.fuzz.shrinker import ATTEMPTS, renamed, shrunk
from harness.scenario.program import Program

PROGRAMS_PER_GUEST = 40
REPEATS = 20
SHRINK_SECONDS = 120.0
"""For one failure; what is smallest then is reported."""


class Budget(NamedTuple):
    """When a campaign ends: after so many seconds, or steps if there are any to be done."""

    seconds: float
    steps: int = 0
    attempts: int = ATTEMPTS
    """Runs that shrinking one failure may take."""
    failures: int = 0
    """Kinds of failure after which the campaign ends; 0: it goes on."""


@dataclass(frozen=True, slots=True)
class FoundFailure:
    """One failure: the smallest program, how often it fails, and how it was found."""

    kind: FailureKind
    run: FuzzedRun
    """The last run of the smallest program that failed."""
    failed: int
    repeats: int
    found_in: str
    """The name of the program that failed first."""
    found_steps: int
    seconds: float
    """Time from the start of the campaign until the failure."""
    shrinking: float = 0.0
    """Seconds that shrinking took."""
    also: int = 0
    """Further programs that failed in the same way."""

    @property
    def program(self) -> Program:
        """The smallest program."""
        return self.run.program


@dataclass(frozen=True, slots=True)
class CampaignResult:
    """What a campaign did."""

    programs: int
    steps: int
    features: int
    seconds: float
    found: tuple[FoundFailure, ...]
    unjudged: tuple[str, ...] = ()
    """Programs that ended without a verdict, and why."""


class Campaign:
    """Runs programs of a source in guests that *start* gives, until the budget is spent."""

    def __init__(
        self,
        start: Start,
        source: Callable[[FuzzedGuest], ProgramSource],
        budget: Budget,
        progress: Progress,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start, self._source_for, self._budget = start, source, budget
        self._progress, self._clock = progress, clock
        self._began = clock()
        self._programs = self._steps = 0
        self._features: set[str] = set()
        self._found: dict[FailureKind, FoundFailure] = {}
        self._unjudged: list[str] = []

    def run(self) -> CampaignResult:
        """Fuzz until the budget is spent."""
        source: ProgramSource | None = None
        while not self._over():
            with self._start() as guest:
                source = source or self._source_for(guest)
                failed = self._until_new(guest, source)
            if failed:
                self._explain(failed)
        return self.result()

    def result(self) -> CampaignResult:
        """What was done until now."""
        return CampaignResult(
            self._programs,
            self._steps,
            len(self._features),
            self._clock() - self._began,
            tuple(self._found.values()),
            tuple(self._unjudged),
        )

    def _over(self) -> bool:
        if 0 < self._budget.failures <= len(self._found):
            return True
        if self._budget.steps:
            return self._steps >= self._budget.steps
        return self._clock() - self._began >= self._budget.seconds

    def _until_new(self, guest: FuzzedGuest, source: ProgramSource) -> FuzzedRun | None:
        """Run programs in *guest* until one fails in a way not yet found."""
        for _ in range(PROGRAMS_PER_GUEST):
            fuzzed = source.next()
            run = guest.run(fuzzed.program)
            self._count(run, fuzzed, source)
            if self._is_new(run):
                return run
            if run.wrecked or self._over():
                break
        return None

    def _count(self, run: FuzzedRun, fuzzed: FuzzedProgram, source: ProgramSource) -> None:
        self._programs += 1
        self._steps += run.judged.steps
        if run.features - self._features:
            source.reward(fuzzed.mix)
            self._features |= run.features
        if run.judged.reason and not run.kinds:
            self._unjudged.append(f"{fuzzed.program.name}: {run.judged.reason}")
        self._progress.advance(self._programs, 0, f"programs, {len(self._features)} features")

    def _is_new(self, run: FuzzedRun) -> bool:
        """Whether *run* failed as no program before; else it is counted with those it is like."""
        kinds = [kind for kind in run.kinds if kind in self._found]
        for kind in kinds[:1]:
            found = self._found[kind]
            self._found[kind] = replace(found, also=found.also + 1)
        return bool(run.kinds) and not kinds

    def _explain(self, failed: FuzzedRun) -> None:
        """Shrink the failure, repeat it, and keep it under its kind.

        The end of a guest that does not come again says nothing: a busy host can do that.
        """
        kind, program, seconds = failed.kinds[0], failed.program, self._clock() - self._began
        self._progress.step(f"{kind.what}: running {program.name} again")
        alone = self._again(kind, program) or self._again(kind, program)
        if not alone and kind.what == CRASH:
            self._unjudged.append(f"{program.name}: its guest ended, in 1 of 3 runs")
            return
        began = self._clock()
        small = self._shrunk(kind, program) if alone else program
        shrinking = self._clock() - began
        number = len(self._found) + 1
        small = renamed(small, f"found-{number}", f"{kind.what}, found in {program.name}")
        runs = [run for _ in range(REPEATS) if (run := self._again(kind, small))]
        self._found[kind] = FoundFailure(
            kind=kind,
            run=(runs or [failed])[-1]._replace(program=small),
            failed=len(runs),
            repeats=REPEATS,
            found_in=program.name,
            found_steps=len(program.operations),
            seconds=seconds,
            shrinking=shrinking,
        )

    def _shrunk(self, kind: FailureKind, program: Program) -> Program:
        self._progress.step(f"{kind.what}: shrinking {program.name}")
        with self._start() as guest:
            layout = guest.layout
        end = self._clock() + SHRINK_SECONDS

        def fails(one: Program) -> bool:
            return self._clock() < end and self._again(kind, one) is not None

        return shrunk(program, layout, fails, self._budget.attempts)

    def _again(self, kind: FailureKind, program: Program) -> FuzzedRun | None:
        """The run of *program* in a guest of its own, if it fails in the same way."""
        with self._start() as guest:
            run = guest.run(program)
        return run if kind in run.kinds else None
