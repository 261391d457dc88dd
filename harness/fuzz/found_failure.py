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
SHRINK_SECONDS = 120.0
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
        kind, program = failed.kinds[0], failed.program
        self.progress.step(f"{kind.what}: running {program.name} again")
        alone = self._again(kind, program) or self._again(kind, program)
        if not alone and kind.what == CRASH:
            return None
        began = self.clock()
        small = self._shrunk(kind, program) if alone else program
        shrinking = self.clock() - began
        small = renamed(small, name, f"{kind.what}, found in {program.name}")
        runs = [run for _ in range(REPEATS) if (run := self._again(kind, small))]
        return FoundFailure(
            kind=kind,
            run=(runs or [failed])[-1]._replace(program=small),
            failed=len(runs),
            repeats=0 if self.ended() else REPEATS,
            found_in=program.name,
            found_steps=len(program.operations),
            seconds=seconds,
            shrinking=shrinking,
        )

    def _shrunk(self, kind: FailureKind, program: Program) -> Program:
        self.progress.step(f"{kind.what}: shrinking {program.name}")
        with self.start() as guest:
            layout = guest.layout
        end = self.clock() + SHRINK_SECONDS

        def fails(one: Program) -> bool:
            return self.clock() < end and self._again(kind, one) is not None

        return shrunk(program, layout, fails, self.attempts)

    def _again(self, kind: FailureKind, program: Program) -> FuzzedRun | None:
        """The run of *program* in a guest of its own, if it fails in the same way."""
        if self.ended():
            return None
        with self.start() as guest:
            run = guest.run(program)
        return run if kind in run.kinds else None
