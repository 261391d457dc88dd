"""The whole measurement of one kernel on one machine."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from harness.bench import rate
from harness.bench.boot import our_boot, plain_boot
from harness.bench.figure import Figure, Measurement, interleaved
from harness.bench.history_rate import concurrent
from harness.bench.rate import Sample
from harness.bench.restore import from_pool, restore, template_of
from harness.bench.scale import Load, scaling
from harness.bench.schedule_rate import scheduled_guest
from harness.bench.subject import MeasuredGuest, Subject
from harness.scenario.program import Program
from harness.schedule.gate_finder import NoGatesError

SEED = 1
GUESTS = (1, 2, 4)
SCALE_SECONDS = 5.0

PARTS = ("boots", "restores", "steps", "schedules", "guests", "kernels")
PEERS = "peers"
"""The parts to measure, in the order of the table; the suite leaves the peers to peer.py."""


@dataclass(frozen=True, slots=True)
class Effort:
    """The number of samples of each part by its name, and the steps of a program.

    A part without a number is left out.
    """

    samples: Mapping[str, int]
    steps: int

    @classmethod
    def quick(cls) -> "Effort":
        """About a minute: enough to see a factor of 1.3."""
        return cls({"boots": 3, "restores": 5, "steps": 3, "schedules": 2}, steps=8_000)

    @classmethod
    def full(cls) -> "Effort":
        """A quarter of an hour."""
        samples = {"boots": 7, "restores": 15, "steps": 7, "schedules": 5}
        return cls(samples | {"guests": 3, "kernels": 3, PEERS: 3}, steps=20_000)

    def only(self, parts: Iterable[str], rounds: int | None) -> "Effort":
        """The same, but only *parts* (unless empty), each *rounds* times (unless None)."""
        wanted = tuple(parts) or tuple(self.samples)
        return replace(
            self, samples={part: rounds or self.samples.get(part, 3) for part in wanted}
        )


class Steady(NamedTuple):
    """A guest that is up, and the program that the rates are measured with."""

    bench: MeasuredGuest
    program: Program


RATES: tuple[Callable[[Steady], Sample], ...] = (
    lambda steady: rate.end_to_end(steady.bench, steady.program),
    lambda steady: rate.parts(steady.bench, steady.program),
    lambda steady: rate.observation(steady.bench, len(steady.program.operations)),
    lambda steady: rate.wire(steady.bench),
    lambda steady: rate.memory(steady.bench),
    lambda steady: concurrent(steady.bench),
)
"""Rows of a guest that is up: each function gives one sample of one or more rows.

Add yours here.
"""


@dataclass(frozen=True, slots=True)
class Suite:
    """The kernels to measure: the subject, and others that are only booted."""

    subject: Subject
    effort: Effort
    others: Sequence[Subject] = ()

    def measure(self, say: Callable[[str], None]) -> tuple[Figure, ...]:
        """All figures, in the order in which a table shows them; *say* is told what comes next."""
        inside = (self._steps, self._schedules, self._guests)
        parts = (self._boots, self._restores, *inside, self._kernels)
        figures: tuple[Figure, ...] = ()
        with tempfile.TemporaryDirectory(prefix="kmap-harness-bench-") as name:
            for part, measurements_of in zip(PARTS, parts, strict=True):
                if rounds := self.effort.samples.get(part, 0):
                    say(part)
                    with measurements_of(Path(name)) as measurements:
                        figures += interleaved(measurements, rounds)
        return figures

    @contextmanager
    def _boots(self, folder: Path) -> Iterator[list[Measurement]]:
        yield _both_boots(self.subject, folder)

    @contextmanager
    def _kernels(self, folder: Path) -> Iterator[list[Measurement]]:
        yield [
            partial(_named, measurement, subject.prepared.kernel.release)
            for subject in self.others
            for measurement in _both_boots(subject, folder)
        ]

    @contextmanager
    def _restores(self, folder: Path) -> Iterator[list[Measurement]]:
        del folder
        template = template_of(self.subject)
        yield [partial(restore, self.subject), partial(from_pool, self.subject, template)]

    @contextmanager
    def _steps(self, folder: Path) -> Iterator[list[Measurement]]:
        (folder / "steady").mkdir()
        with self.subject.boot(folder / "steady") as guest:
            bench = self.subject.bench(guest)
            steady = Steady(bench, bench.program(self.effort.steps, SEED))
            yield [partial(row, steady) for row in RATES]

    @contextmanager
    def _schedules(self, folder: Path) -> Iterator[list[Measurement]]:
        (folder / "schedules").mkdir()
        try:
            one = scheduled_guest(self.subject, folder / "schedules")
        except NoGatesError:
            yield []
            return
        with one.guests:
            yield [one.rates]

    @contextmanager
    def _guests(self, folder: Path) -> Iterator[list[Measurement]]:
        del folder
        template_of(self.subject)
        load = Load(self.subject, self.effort.steps, SCALE_SECONDS)
        yield [partial(scaling, load, count) for count in GUESTS]


def _both_boots(subject: Subject, folder: Path) -> list[Measurement]:
    return [
        partial(plain_boot, subject, folder / "plain"),
        partial(our_boot, subject, folder / "ours"),
    ]


def _named(measurement: Measurement, name: str) -> Sample:
    return {(f"{row}, {name}", unit): value for (row, unit), value in measurement().items()}
