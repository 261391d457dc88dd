"""The jobs of a night: the only place below the commands that spells command lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.base import project
from harness.guest.shape_words import parse_shape
from harness.kernel.build_recipe import recipes
from harness.nightly.fleet import Job
from harness.nightly.nights import Night

STARTS = 3
"""Templates of one machine, which the seeds take in turn.

Each costs one boot, and 60 MB on disk.
"""

_SOURCE_SHAPES = ("smp=1", "smp=2")
"""For kernels from source, whose configurations are small: no KASLR, no page table isolation."""
_HISTORY_SHAPE = "smp=2,parallel"


@dataclass(frozen=True, slots=True)
class NightRequest:
    """A night, and what the user changes of it.

    ``kernels`` and ``shapes`` replace those of the night, unless empty; ``source`` adds every
    kernel that is built from source.  ``seeds`` is the number of rounds, 0 for as many as the
    night has. ``steps`` and ``abstract`` are steps of each run, ``histories`` operations on each
    kernel.
    """

    night: Night
    kernels: tuple[str, ...] = ()
    shapes: tuple[str, ...] = ()
    source: bool = False
    seed: int = 1
    seeds: int = 0
    steps: int = 20_000
    abstract: int = 20_000
    histories: int = 1_000_000
    known_bugs: Path | None = None


def night_jobs(request: NightRequest) -> tuple[Job, ...]:
    """Every job of the night.  Raises UsageError for a shape that is none."""
    return (*_rounds(request), *_source_jobs(request), *_history_jobs(request))


def _rounds(request: NightRequest) -> Iterator[Job]:
    """Every kernel on every shape, once for each seed."""
    night = request.night
    for number in range(request.seed, request.seed + (request.seeds or night.seeds)):
        first = number == request.seed
        more = (*_first_round(request), *_known_bugs(request)) if first else _known_bugs(request)
        yield from make_jobs(
            request.kernels or night.kernels,
            request.shapes or night.shapes,
            (*_generated(number, request.steps), *more),
            number,
            "" if first else f"-seed{number}",
        )


def _first_round(request: NightRequest) -> Iterator[str]:
    """What is the same whatever the seed is run in the first round only."""
    if request.night.wrecking:
        yield "--throwaway"
    for folder in request.night.scenarios:
        yield from ("--scenario", str(project.SCENARIOS / folder))
    yield from ("--abstract", str(request.abstract))


def _generated(seed: int, steps: int) -> tuple[str, ...]:
    return "--seed", str(seed), "--steps", str(steps)


def _known_bugs(request: NightRequest) -> tuple[str, ...]:
    return ("--known-bugs", str(request.known_bugs)) if request.known_bugs else ()


def _source_jobs(request: NightRequest) -> tuple[Job, ...]:
    if not request.source:
        return ()
    common = (*_generated(request.seed, request.steps), *_known_bugs(request))
    return make_jobs(tuple(recipes()), request.shapes or _SOURCE_SHAPES, common, request.seed)


def _history_jobs(request: NightRequest) -> tuple[Job, ...]:
    if not request.histories:
        return ()
    kernels = request.kernels or request.night.kernels
    return tuple(history_job(kernel, request.histories, request.seed) for kernel in kernels)


def make_jobs(
    kernels: tuple[str, ...],
    shapes: tuple[str, ...],
    common: tuple[str, ...],
    seed: int,
    suffix: str = "",
) -> tuple[Job, ...]:
    """Every kernel on every shape.

    Neighbours start from different templates, and so does one job on other seeds.
    """
    pairs = [(kernel, shape) for kernel in kernels for shape in shapes]
    return tuple(
        make_job(kernel, shape, common, suffix, variant=(seed + position) % STARTS)
        for position, (kernel, shape) in enumerate(pairs)
    )


def make_job(
    kernel: str, shape: str, common: tuple[str, ...], suffix: str = "", variant: int = 0
) -> Job:
    """The job for *kernel* on *shape*, in start *variant* unless the shape itself names one.

    The job's name leaves the variant out: a baseline compares the machine, whatever its start.
    Raises UsageError for an unknown word.
    """
    words = f"variant={variant},{shape}" if variant else shape
    machine = parse_shape(shape)
    name = f"{Path(kernel).name}-{shape.replace('=', '').replace(',', '-')}{suffix}"
    arguments = ("--kernel", kernel, "--shape", words, *common)
    return Job(name, arguments, machine.smp, machine.memory)


def history_job(kernel: str, operations: int, seed: int) -> Job:
    """Concurrent histories of *kernel*, on CPUs that really run at once."""
    machine = parse_shape(_HISTORY_SHAPE)
    arguments = (
        *("--kernel", kernel, "--shape", _HISTORY_SHAPE),
        *("--seed", str(seed), "--operations", str(operations)),
    )
    name = f"{Path(kernel).name}-histories"
    return Job(name, arguments, machine.smp, machine.memory, command="histories")
