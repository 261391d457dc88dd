"""Several guests at once, each with a harness process of its own."""

import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

from harness.bench.subject import Subject


@dataclass(frozen=True, slots=True)
class Load:
    """What every guest does: programs of so many steps until the time is up."""

    subject: Subject
    steps: int
    seconds: float


def scaling(load: Load, guests: int) -> Mapping[tuple[str, str], float]:
    """Judged steps a second of *guests* guests together, boots not counted."""
    context = get_context("spawn")
    with context.Manager() as manager:
        barrier = manager.Barrier(guests)
        with ProcessPoolExecutor(guests, mp_context=context) as pool:
            rates = list(pool.map(_rate, [load] * guests, [barrier] * guests))
    return {(f"judged steps, {guests} guest{'s' * (guests > 1)}", "1/s"): sum(rates)}


def _rate(load: Load, barrier: object) -> float:
    """One guest's share, in a process of its own."""
    with tempfile.TemporaryDirectory() as folder, load.subject.boot(Path(folder)) as guest:
        bench = load.subject.bench(guest)
        program = bench.program(load.steps, 1)
        bench.judge(program)
        barrier.wait()  # type: ignore[attr-defined]
        started, judged = time.monotonic(), 0
        while time.monotonic() - started < load.seconds:
            judged += bench.judge(program)
        return judged / (time.monotonic() - started)
