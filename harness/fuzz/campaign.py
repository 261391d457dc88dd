"""A campaign: programs until the time is over, and a small proven program for each failure."""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import count
from threading import RLock
from typing import NamedTuple

from harness.base.progress import Progress
from harness.fuzz.found_failure import FailureStudy, FoundFailure
from harness.fuzz.fuzzed_guest import FailureKind, FuzzedGuest, FuzzedRun, Start
from harness.fuzz.program_source import ProgramSource, Reaching
from harness.fuzz.shrinker import ATTEMPTS

PROGRAMS_PER_GUEST = 40


class Budget(NamedTuple):
    """When a campaign ends: after so many seconds, or steps if there are any to be done."""

    seconds: float
    steps: int = 0
    attempts: int = ATTEMPTS
    """Runs that shrinking one failure may take."""
    failures: int = 0
    """Kinds of failure after which the campaign ends; 0: it goes on."""


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
    reaching: tuple[Reaching, ...] = ()
    """The programs that reached something new."""


class Campaign:
    """Runs programs of a source in guests that *start* gives, until the budget is spent.

    Each of *jobs* threads has one guest at a time; a kind of failure that one of them has found
    is found for all.
    """

    def __init__(
        self,
        start: Start,
        source: Callable[[FuzzedGuest], ProgramSource],
        budget: Budget,
        progress: Progress,
        *,
        jobs: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._start, self._source_for, self._budget = start, source, budget
        self._progress, self._clock, self._jobs = progress, clock, jobs
        self._began = clock()
        self._lock = RLock()
        self._stopped = False
        self._source: ProgramSource | None = None
        self._programs = self._steps = 0
        self._known: dict[FailureKind, str] = {}
        """The name of the failure that shows so."""
        self._also: Counter[str] = Counter()
        """Programs that failed after the first one, by the name of the failure."""
        self._names = (f"found-{number}" for number in count(1))
        self._found: list[FoundFailure] = []
        self._unjudged: list[str] = []
        self._study = FailureStudy(
            start, progress, clock, budget.attempts, ended=lambda: self._stopped
        )

    def run(self) -> CampaignResult:
        """Fuzz until the budget is spent."""
        if self._jobs == 1:
            self._work()
            return self.result()
        with ThreadPoolExecutor(self._jobs, "guest") as pool:
            try:
                working = [pool.submit(self._work) for _ in range(self._jobs)]
                done, _ = wait(working, return_when=FIRST_EXCEPTION)
                for one in done:
                    one.result(0)
            finally:
                self._stop()
        return self.result()

    def result(self) -> CampaignResult:
        """What was done until now."""
        with self._lock:
            return CampaignResult(
                self._programs,
                self._steps,
                len(self._source.features) if self._source else 0,
                self._clock() - self._began,
                tuple(replace(one, also=self._also[one.program.name]) for one in self._found),
                tuple(self._unjudged),
                tuple(self._source.reaching) if self._source else (),
            )

    def _stop(self) -> None:
        """Let every thread end after the run that it is in."""
        with self._lock:
            self._stopped = True
            if self._source:
                self._source.stop()

    def _over(self) -> bool:
        if self._stopped or 0 < self._budget.failures <= len(self._found):
            return True
        if self._budget.steps:
            return self._steps >= self._budget.steps
        return self._clock() - self._began >= self._budget.seconds

    def _work(self) -> None:
        """The part of one thread: guests, one after the other."""
        while not self._over():
            with self._start() as guest:
                failed = self._until_new(guest, self._source_of(guest))
            if failed:
                self._explain(failed)

    def _source_of(self, guest: FuzzedGuest) -> ProgramSource:
        """The source of all threads, made for the first guest."""
        with self._lock:
            self._source = self._source or self._source_for(guest)
            return self._source

    def _until_new(self, guest: FuzzedGuest, source: ProgramSource) -> FuzzedRun | None:
        """Run programs in *guest* until one fails in a way not yet found."""
        for _ in range(PROGRAMS_PER_GUEST):
            fuzzed = source.next()
            run = guest.run(fuzzed.program)
            source.done(fuzzed, run.features)
            self._count(run, source)
            if self._is_new(run):
                return run
            if run.wrecked or self._over():
                break
        return None

    def _count(self, run: FuzzedRun, source: ProgramSource) -> None:
        with self._lock:
            self._programs += 1
            self._steps += run.judged.steps
            if run.judged.reason and not run.kinds:
                self._unjudged.append(f"{run.program.name}: {run.judged.reason}")
            what = f"programs, {len(source.features)} features"
            self._progress.advance(self._programs, 0, what)

    def _is_new(self, run: FuzzedRun) -> bool:
        """Tell whether *run* failed as no program before; else count it with those it is like."""
        with self._lock:
            known = [self._known[kind] for kind in run.worst if kind in self._known]
            self._also.update(known[:1])
            new = bool(run.kinds) and not known
            if new:
                self._known.update(dict.fromkeys(run.kinds, next(self._names)))
            return new

    def _explain(self, failed: FuzzedRun) -> None:
        """Study the failure, and keep it if it can be borne out.

        Until then all kinds of failure that the program shows count as this one.
        """
        name, seconds = self._known[failed.kinds[0]], self._clock() - self._began
        found = self._study.of(failed, name, seconds)
        with self._lock:
            for kind in failed.kinds:
                del self._known[kind]
            if found:
                self._found.append(found)
                self._known.update(dict.fromkeys((failed.kinds[0], *found.run.kinds), name))
                return
            self._unjudged.append(f"{failed.program.name}: its guest ended, in 1 of 3 runs")
