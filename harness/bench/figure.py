"""One measured figure: its samples, its median, and how fast the host was in the same minute."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

LOOP_COUNT = 1_000_000


def calibration() -> float:
    """CPU seconds of a fixed Python loop: what this host is worth at this moment."""
    started = time.thread_time()
    for _ in range(LOOP_COUNT):
        pass
    return time.thread_time() - started


@dataclass(frozen=True, slots=True)
class Figure:
    """Samples of one quantity in ``unit``; ``calibrations`` were taken just before each."""

    name: str
    unit: str
    samples: tuple[float, ...]
    calibrations: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median sample."""
        return median(self.samples)

    @property
    def calibration(self) -> float:
        """The median of the calibration loops, seconds."""
        return median(self.calibrations)


Measurement = Callable[[], Mapping[tuple[str, str], float]]
"""One sample of several figures at once, by name and unit."""


@dataclass(slots=True)
class _Samples:
    values: list[float] = field(default_factory=list)
    calibrations: list[float] = field(default_factory=list)


def interleaved(
    measurements: Sequence[Measurement], rounds: int, ended: Callable[[int], None] = lambda _: None
) -> tuple[Figure, ...]:
    """Take every measurement *rounds* times, in turn, so that a slow minute slows all of them.

    *ended* is told after each sample how many there are.
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


def find(figures: Iterable[Figure], name: str) -> Figure | None:
    """The figure of that name, if it was measured."""
    return next((figure for figure in figures if figure.name == name), None)
