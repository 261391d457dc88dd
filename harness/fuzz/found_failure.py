"""A failure made small: it runs again, is shrunk, and its smallest program is repeated."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from harness.base.progress import Progress
from harness.check.checked_program import CRASH
from harness.fuzz.fuzzed_guest import FailureKind, FuzzedRun, Start
from harness.fuzz.shrinker import ATTEMPTS, renamed, shrunk
from harness.scenario.program import Program

REPEATS = 20
SHRINK_SECONDS = 60.0
"""For one failure; what is smallest then is reported."""


@dataclass(frozen=True, slots=True)
class FoundFailure:
    """One failure: the smallest program, how often it fails, and how it was found."""

    kind: FailureKind
    run: FuzzedRun
    """The last run of the smallest program that failed."""
    failed: int
    repeats: int
    """0 where the campaign ended before the failure was studied."""
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


Kinds = frozenset[FailureKind]


@dataclass(frozen=True, slots=True)
class FailureStudy:
    """Studies failures in guests that *start* gives; *ended*: somebody wants that to end."""

    start: Start
    progress: Progress
    clock: Callable[[], float] = time.monotonic
    attempts: int = ATTEMPTS
    ended: Callable[[], bool] = lambda: False

    def of(self, failed: FuzzedRun, name: str, seconds: float) -> FoundFailure | None:
        """The failure of *failed*, with its smallest program under *name*.

        None where a guest ended and does not end again: a busy host can do that.
        """
        program, kinds = failed.program, failed.worst
        self.progress.step(f"{failed.kinds[0].what}: running {program.name} again")
        alone = self._again(kinds, program) or self._again(kinds, program)
        if not alone and failed.kinds[0].what == CRASH:
            return None
        began = self.clock()
        small = self._shrunk(kinds, alone) if alone else program
        shrinking = self.clock() - began
        runs = [run for _ in range(REPEATS) if (run := self._again(kinds, small))]
        last = (runs or [failed])[-1]
        kind = next(one for one in last.kinds if one in kinds)
        small = renamed(small, name, f"{kind.what}, found in {program.name}")
        return FoundFailure(
            kind=kind,
            run=last._replace(program=small),
            failed=len(runs),
            repeats=0 if self.ended() else REPEATS,
            found_in=program.name,
            found_steps=len(program.operations),
            seconds=seconds,
            shrinking=shrinking,
        )

    def _shrunk(self, kinds: Kinds, failed: FuzzedRun) -> Program:
        self.progress.step(f"{failed.kinds[0].what}: shrinking {failed.program.name}")
        with self.start() as guest:
            layout = guest.layout
        end = self.clock() + SHRINK_SECONDS

        def fails(one: Program) -> int:
            run = self._again(kinds, one) if self.clock() < end else None
            return max(run.end, 1) if run else 0

        return shrunk(failed.program, layout, fails, self.attempts, end=failed.end)

    def _again(self, kinds: Kinds, program: Program) -> FuzzedRun | None:
        """The run of *program* in a guest of its own, if it fails in one of the same ways.

        A failure of a long program has others in its wake, which the smallest one may lack.
        """
        if self.ended():
            return None
        with self.start() as guest:
            run = guest.run(program)
        return None if kinds.isdisjoint(run.kinds) else run
