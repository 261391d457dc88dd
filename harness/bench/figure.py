"""One measured figure: its samples, its median, and how fast the host was in the same minute."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import NamedTuple

LOOP_COUNT = 1_000_000


class Calibration(NamedTuple):
    """How fast the host is at this moment: CPU and wall seconds of a fixed Python loop."""

    cpu: float
    wall: float

    @property
    def share(self) -> float:
        """The share of a core that the host gave the loop, at most 1; less if it has other
        work.
        """
        return min(1.0, self.cpu / self.wall)


def calibration() -> Calibration:
    """Run the loop once."""
    started, used = time.monotonic(), time.thread_time()
    for _ in range(LOOP_COUNT):
        pass
    return Calibration(time.thread_time() - used, time.monotonic() - started)


@dataclass(frozen=True, slots=True)
class Figure:
    """Samples of one quantity in ``unit``; ``calibrations`` were taken just before each."""

    name: str
    unit: str
    samples: tuple[float, ...]
    calibrations: tuple[Calibration, ...]

    @property
    def median(self) -> float:
        """The median sample."""
        return median(self.samples)

    @property
    def calibration(self) -> float:
        """The median of the calibration loops, CPU seconds."""
        return median(one.cpu for one in self.calibrations)

    @property
    def share(self) -> float:
        """The median share of a core that the loops were given."""
        return median(one.share for one in self.calibrations)


Measurement = Callable[[], Mapping[tuple[str, str], float]]
"""One sample of several figures at once, by name and unit."""


@dataclass(slots=True)
class _Samples:
    values: list[float] = field(default_factory=list)
    calibrations: list[Calibration] = field(default_factory=list)


def interleaved(
    measurements: Sequence[Measurement], rounds: int, ended: Callable[[int], None] = lambda _: None
) -> tuple[Figure, ...]:
    """Take every measurement *rounds* times, in turn, so that a slow minute slows all of them.

    *ended* is called after each sample with the number of samples so far.
    """
    samples: dict[tuple[str, str], _Samples] = {}
    for number in range(rounds * len(measurements)):
        loop = calibration()
        for key, value in measurements[number % len(measurements)]().items():
            series = samples.setdefault(key, _Samples())
            series.values.append(value)
            series.calibrations.append(loop)
        ended(number + 1)
    return tuple(
        Figure(name, unit, tuple(series.values), tuple(series.calibrations))
        for (name, unit), series in samples.items()
    )


def find_figure(figures: Iterable[Figure], name: str) -> Figure | None:
    """The figure of that name, if it was measured."""
    return next((figure for figure in figures if figure.name == name), None)
