"""How often the same inputs fail: a share with its 95 % interval (Wilson's)."""

from dataclasses import dataclass
from math import sqrt
from typing import Final

_Z: Final = 1.959964
"""The normal distribution's quantile for 95 %, two-sided."""


@dataclass(frozen=True, slots=True)
class Flakiness:
    """*failed* of *of* repetitions failed."""

    failed: int = 0
    of: int = 0

    @property
    def is_flaky(self) -> bool:
        """Tell whether some repetition failed, and some did not."""
        return 0 < self.failed < self.of

    @property
    def interval(self) -> tuple[float, float]:
        """Between which shares the true one lies, with 95 % confidence."""
        if not self.of:
            return 0.0, 1.0
        share, square = self.failed / self.of, _Z**2 / self.of
        middle = share + square / 2
        width = _Z * sqrt(share * (1 - share) / self.of + square / self.of / 4)
        low, high = ((middle + sign * width) / (1 + square) for sign in (-1, 1))
        return max(low, 0.0), min(high, 1.0)

    @property
    def words(self) -> str:
        """The share for people."""
        low, high = self.interval
        return f"{self.failed} of {self.of} fail, {100 * low:.0f} to {100 * high:.0f} %"
