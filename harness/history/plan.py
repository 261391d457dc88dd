"""Chooses the histories of a run by its seed: regimes that stress different parts of pkmap."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from harness.guest.history_wire import HOLDS, NOISE, ROUNDS, THREADS, WITNESS, HistoryRequest
from harness.model.records.layout import Layout

LIMIT_MS = 8_000
"""Milliseconds after which a slow history ends.

With waits an operation takes a millisecond on a busy host.
"""


@dataclass(frozen=True, slots=True)
class Regime:
    """One kind of stress.

    The threads share ``pages`` pages and ``free`` free slots (None: all); each of the ``per_cpu``
    threads of a CPU holds up to ``holds`` mappings at once.
    """

    name: str
    operations: int
    """Number of operations of all threads together."""
    free: int | None
    pages: int
    holds: int
    per_cpu: int
    yields: int = 64
    """One step in so many yields the CPU, so others need slots while this thread holds one."""
    rounds: bool = False
    """All threads start each round of mappings together."""


def request_of(regime: Regime, layout: Layout, seed: int) -> HistoryRequest:
    """The request to the module; pinned pages have ids from 0, the threads' from LAST_PKMAP."""
    last_pkmap, smp = layout.last_pkmap, layout.online_cpus
    cpus: tuple[int | None, ...] = tuple(cpu for cpu in range(smp) for _ in range(regime.per_cpu))[
        :THREADS
    ]
    return HistoryRequest(
        seed=seed,
        operations=regime.operations // len(cpus),
        limit_ms=LIMIT_MS,
        first_pin=0,
        pins=0 if regime.free is None else last_pkmap - regime.free,
        first_page=last_pkmap,
        pages=regime.pages,
        holds=regime.holds,
        flags=WITNESS | NOISE | (ROUNDS if regime.rounds else 0),
        yields=regime.yields,
        cpus=cpus,
    )


def regimes(random: Random, smp: int, last_pkmap: int) -> Iterator[Regime]:
    """Regimes without end, in turn: waits, rounds, one page for all, wraps, the whole area."""
    while True:
        yield waits(random, smp)
        yield rounds(random, smp)
        yield Regime(
            "one page", 60_000, 8, random.randint(1, 3), random.randint(1, 4), random.randint(1, 2)
        )
        yield wraps(random, smp)
        yield Regime("whole area", 100_000, None, 2 * last_pkmap, HOLDS, random.randint(1, 2))


def waits(random: Random, smp: int) -> Regime:
    """Fewer slots than the threads want: one more than they hold while each waits for one."""
    per_cpu = random.choice((2, 4))
    threads = min(smp * per_cpu, THREADS)
    holds = random.randint(1, 2)
    free = threads * (holds - 1) + 1 + random.randint(0, 2)
    pages = free + random.randint(1, 2)
    return Regime("waits", 10_000, free, pages, holds, per_cpu, random.choice((2, 4)))


def rounds(random: Random, smp: int) -> Regime:
    """More threads than slots ask at once; no later kunmap makes good for a lost wake-up."""
    per_cpu = random.choice((1, 1, 2)) if smp > 1 else 2
    threads = min(smp * per_cpu, THREADS)
    free, yields = random.randint(1, threads - 1), random.choice((2, 64))
    return Regime(
        "rounds", 10_000, free, free + random.randint(1, threads), 1, per_cpu, yields, rounds=True
    )


def wraps(random: Random, smp: int) -> Regime:
    """Few slots, but nobody waits: a flush comes after every few mappings."""
    holds, per_cpu = random.randint(1, 3), random.randint(1, 2)
    free = smp * per_cpu * holds + random.randint(8, 64)
    return Regime("wraps", 40_000, free, 2 * free, holds, per_cpu)
