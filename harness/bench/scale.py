"""Several guests at once, each with a harness process of its own."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import mean
from threading import Barrier
from typing import NamedTuple

from harness.bench.figure import Figure, find_figure
from harness.bench.rate import proportional_mib
from harness.bench.subject import Subject
from harness.guest.template import start


@dataclass(frozen=True, slots=True)
class Load:
    """The work of every guest: programs of so many steps until the time is up."""

    subject: Subject
    steps: int
    seconds: float


class Share(NamedTuple):
    """One guest's part: judged steps a second, and MiB of its QEMU that no other guest shares."""

    rate: float
    mebibytes: float


def scaling(load: Load, guests: int) -> Mapping[tuple[str, str], float]:
    """Judged steps a second of *guests* guests together, without restores; and memory of each."""
    context = get_context("spawn")
    with context.Manager() as manager:
        barrier = manager.Barrier(guests)
        with ProcessPoolExecutor(guests, mp_context=context) as pool:
            shares = list(pool.map(_share, [load] * guests, [barrier] * guests))
    return {
        (_row(guests), "1/s"): sum(share.rate for share in shares),
        (f"memory of each of {guests}, Pss", "MiB"): mean(share.mebibytes for share in shares),
    }


def _row(guests: int) -> str:
    return f"judged steps, {guests} guest{'s' * (guests > 1)}"


def falls_below_one(figures: Sequence[Figure], guests: Sequence[int]) -> tuple[int, ...]:
    """The numbers of guests that are slower together than one: best sum below one guest's
    median.
    """
    one = find_figure(figures, _row(1))
    sums = [(count, find_figure(figures, _row(count))) for count in guests]
    return tuple(
        count for count, figure in sums if one and figure and max(figure.samples) < one.median
    )


def _share(load: Load, barrier: Barrier) -> Share:
    """One guest's, in a process of its own: begun and ended with the others'."""
    with tempfile.TemporaryDirectory() as folder, start(load.subject.parts, Path(folder)) as guest:
        bench = load.subject.bench(guest)
        program = bench.program(load.steps, 1)
        bench.judge(program)
        barrier.wait()
        started, judged = time.monotonic(), 0
        while time.monotonic() - started < load.seconds:
            judged += bench.judge(program)
        rate = judged / (time.monotonic() - started)
        barrier.wait()
        return Share(rate, proportional_mib(guest.session.process.pid))
