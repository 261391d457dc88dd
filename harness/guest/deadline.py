"""Deadlines of phases, in seconds of a host of ordinary speed, stretched on a slower one."""

import time
from dataclasses import dataclass
from functools import cache

LOOP_COUNT = 400_000
LOOP_SECONDS = 0.02
"""The time of the calibration loop on the machine that the deadlines were chosen on."""


@cache
def host_slowness() -> float:
    """How many times slower than the reference this host is, from 1 to 10; measured once.

    The best of three runs: a busy neighbour must not look like a slow machine for ever.
    """
    return min(10.0, max(1.0, min(_timed_loop() for _ in range(3)) / LOOP_SECONDS))


def _timed_loop() -> float:
    start = time.perf_counter()
    for _ in range(LOOP_COUNT):
        pass
    return time.perf_counter() - start


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time (``time.monotonic`` seconds) and the name of what must be done by then."""

    phase: str
    seconds: float
    at: float

    @classmethod
    def after(cls, phase: str, seconds: float) -> "Deadline":
        """*seconds* of an ordinary host from now."""
        stretched = seconds * host_slowness()
        return cls(phase, stretched, time.monotonic() + stretched)

    def part(self, seconds: float) -> "Deadline":
        """The first *seconds* of what is left."""
        return Deadline(self.phase, self.seconds, min(self.at, time.monotonic() + seconds))

    def left(self) -> float:
        """Seconds that are left, never below 0."""
        return max(0.0, self.at - time.monotonic())

    def over(self) -> bool:
        """Tell whether the time is up."""
        return time.monotonic() >= self.at
