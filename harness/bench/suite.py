"""The whole measurement of one kernel on one machine."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.bench import rate
from harness.bench.boot import our_boot, plain_boot
from harness.bench.figure import Figure, Measurement, interleaved
from harness.bench.restore import from_pool, restore, template_of
from harness.bench.scale import Load, scaling
from harness.bench.subject import Bench, Subject

SEED = 1
GUESTS = (1, 2, 4)


@dataclass(frozen=True, slots=True)
class Effort:
    """How much is measured."""

    boots: int
    restores: int
    rounds: int
    steps: int
    scale_rounds: int

    @classmethod
    def quick(cls) -> "Effort":
        """About a minute: enough to see a factor of 1.3."""
        return cls(boots=3, restores=5, rounds=3, steps=8_000, scale_rounds=0)

    @classmethod
    def full(cls) -> "Effort":
        """Several minutes."""
        return cls(boots=7, restores=15, rounds=7, steps=20_000, scale_rounds=3)


def measure(subject: Subject, effort: Effort, say: Callable[[str], None]) -> tuple[Figure, ...]:
    """All figures, in the order in which a table shows them."""
    with tempfile.TemporaryDirectory(prefix="kmap-harness-bench-") as name:
        folder = Path(name)
        say("boots")
        figures = interleaved(_boots(subject, folder), effort.boots)
        say("restores")
        template = template_of(subject)
        restores = [partial(restore, subject), partial(from_pool, subject, template)]
        figures += interleaved(restores, effort.restores)
        say("steps")
        with _ready(subject, folder / "steady") as bench:
            figures += interleaved(_rates(bench, effort.steps), effort.rounds)
    if effort.scale_rounds:
        say("several guests")
        load = Load(subject, effort.steps, seconds=5.0)
        figures += interleaved([partial(scaling, load, count) for count in GUESTS], effort.scale_rounds)
    return figures


def _boots(subject: Subject, folder: Path) -> list[Measurement]:
    return [partial(plain_boot, subject, folder / "plain"), partial(our_boot, subject, folder / "ours")]


def _rates(bench: Bench, steps: int) -> list[Measurement]:
    program = bench.program(steps, SEED)
    return [
        partial(rate.end_to_end, bench, program),
        partial(rate.parts, bench, program),
        partial(rate.observation, bench, steps),
        partial(rate.wire, bench),
        partial(rate.memory, bench),
    ]


@contextmanager
def _ready(subject: Subject, folder: Path) -> Iterator[Bench]:
    folder.mkdir(parents=True)
    with subject.boot(folder) as guest:
        yield subject.bench(guest)
