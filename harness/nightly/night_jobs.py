"""The jobs of a night, from its sets."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from harness.guest.shape_words import parse_shape
from harness.kernel.catalogue import known
from harness.nightly.matrix import NightKernel, NightSet
from harness.nightly.night_job import Job
from harness.nightly.suites import SUITES, NightSuite, SuiteEffort

_WITHOUT_ISOLATION = frozenset(one.name for one in known() if not one.isolates)
_PLAIN = str.maketrans({"=": "", ",": "-", "/": "-"})
"""What a shape has that the name of a folder must not have."""
STARTS = 3
"""Templates of one machine, which the seeds take in turn.

Each costs one boot, and 60 MB on disk.
"""


@dataclass(frozen=True, slots=True)
class NightRequest:
    """A night: its sets, and what the user changes of them.

    ``kernels`` and ``shapes`` replace those of the sets, unless empty.  ``seeds`` is the number
    of rounds, 0 for as many as a set has.
    """

    sets: tuple[NightSet, ...]
    kernels: tuple[NightKernel, ...] = ()
    shapes: tuple[str, ...] = ()
    seed: int = 1
    seeds: int = 0
    effort: SuiteEffort = field(default_factory=SuiteEffort)


def night_jobs(request: NightRequest) -> tuple[Job, ...]:
    """Every job of the night, each once.  Raises UsageError for a shape that is none."""
    found: dict[str, Job] = {}
    for one in request.sets:
        for job in _set_jobs(one, request):
            found.setdefault(job.name, job)
    return tuple(found.values())


def _set_jobs(chosen: NightSet, request: NightRequest) -> Iterator[Job]:
    """Round by round, so that the first seed of every machine stands before the second."""
    suites = [SUITES[name] for name in chosen.suites]
    for number in range(request.seeds or chosen.seeds):
        for suite in suites:
            if (suite.rounds or not number) and _wanted(suite, request.effort):
                yield from _suite_jobs(suite, chosen, request, number)


def _wanted(suite: NightSuite, effort: SuiteEffort) -> bool:
    return suite.command != "histories" or bool(effort.histories)


def _suite_jobs(
    suite: NightSuite, chosen: NightSet, request: NightRequest, number: int
) -> Iterator[Job]:
    """Every kernel on every machine of the suite, except page table isolation without PAE.

    Neighbours start from different templates, and so does one job on other seeds.
    """
    kernels = request.kernels or chosen.kernels
    shapes = request.shapes or chosen.shapes if suite.shape is None else (suite.shape,)
    seed = request.seed + number
    words = tuple(suite.words(request.effort, seed, number == 0))
    pairs = [
        (kernel, shape)
        for kernel in kernels
        for shape in shapes
        if kernel.name not in _WITHOUT_ISOLATION or not parse_shape(shape).pti
    ]
    for position, (kernel, shape) in enumerate(pairs):
        variant = (seed + position) % STARTS if suite.shape is None else 0
        job = make_job(suite, kernel, shape, words, variant)
        suffix = f"-seed{seed}" if number else ""
        yield replace(job, name=f"{job.name}{suffix}", seed=seed)


def make_job(
    suite: NightSuite,
    kernel: NightKernel,
    shape: str,
    common: tuple[str, ...] = (),
    variant: int = 0,
) -> Job:
    """The job for *kernel* on *shape*, in start *variant* unless the shape itself names one.

    The job's name leaves the variant out: what is compared over the nights is the machine,
    whatever its start.  Raises UsageError for an unknown word.
    """
    words = f"variant={variant},{shape}" if variant else shape
    machine = parse_shape(shape)
    arguments = (*kernel.words, *(("--shape", words) if suite.shaped else ()), *common)
    return Job(
        f"{kernel.name}{_suffix(suite, shape)}",
        arguments,
        machine.smp,
        machine.memory,
        suite.command,
        suite.name,
        kernel.name,
    )


def _suffix(suite: NightSuite, shape: str) -> str:
    """What a job's name adds to that of its kernel: the machine, the suite, or both."""
    machine = f"-{shape.translate(_PLAIN)}" if suite.shape is None else ""
    return machine if suite.name == "conformance" else f"{machine}-{suite.name}"
