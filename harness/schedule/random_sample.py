"""Random schedules with a bound on the probability that they show a bug (PCT).

Burckhardt, Kothari, Musuvathi and Nagarakatte, "A Randomized Scheduler with Probabilistic
Guarantees of Finding Bugs", 2010: a bug of depth d shows in any order that keeps d - 1 steps in a
certain order.  Each schedule finds it with probability 1/(n * k**(d - 1)) or more, where n threads
have k steps together.
"""

from dataclasses import dataclass, replace
from math import expm1, log1p

DEPTH = 8
"""``KMH_SCHEDULE_DEPTH``."""
LENGTH = 64
"""Steps among which priorities change before a schedule has shown how many there are."""


@dataclass(frozen=True, slots=True)
class RandomChoice:
    """How many random schedules of each program, for bugs of which depth, from which seed."""

    schedules: int
    depth: int = 3
    seed: int = 1


@dataclass(frozen=True, slots=True)
class RandomSample:
    """The random schedules that were run: ``counted`` drew their changes from ``length`` steps.

    Schedules are not counted that were run before a longer one was seen.
    """

    depth: int
    seed: int
    threads: int
    length: int = 0
    counted: int = 0

    def grown(self, schedules: int, longest: int) -> "RandomSample":
        """Return it with more schedules; if one was longer, those before are not counted.

        The length grows by more than was seen, so that it seldom does again.
        """
        if longest > self.length:
            return replace(self, length=longest + longest // 4, counted=0)
        return replace(self, counted=self.counted + schedules)

    @property
    def probability(self) -> float:
        """Return the least probability that one schedule shows a bug of this depth."""
        return 1 / self.threads / pow(float(max(1, self.length)), self.depth - 1)

    @property
    def together(self) -> float:
        """Return the least probability that one of all those that are counted shows it."""
        return -expm1(self.counted * log1p(-self.probability)) if self.probability < 1 else 1.0

    @property
    def words(self) -> str:
        """Return the bound, as a report says it."""
        return (
            f"seed {self.seed}, {self.threads} threads, at most {self.length} steps: "
            f"a bug of depth {self.depth} shows with probability {self.together:.2g} or more"
        )
