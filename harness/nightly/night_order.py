"""Which jobs a night has time for, and in which order they start.  Pure.

Those that have waited longest are chosen first, so that a budget that is too small for all never
leaves out the same jobs for ever.  What is chosen starts longest first, which fills the cores to
the end.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf

from harness.nightly.night_job import Job

NO_TIME = "the budget has no room for it"


@dataclass(frozen=True, slots=True)
class Forecast:
    """What earlier nights say of jobs.

    ``seconds`` holds means by job and by suite, ``ages`` for each job the number of nights since
    it ran last.
    """

    seconds: Mapping[str, float] = field(default_factory=dict)
    ages: Mapping[str, int] = field(default_factory=dict)

    def expected(self, job: Job) -> float | None:
        """Seconds that *job* will take, as it or its suite took before; None: nobody knows."""
        return self.seconds.get(job.name, self.seconds.get(job.suite))

    def age(self, job: Job) -> float:
        """Nights since *job* ran last; one that never ran has waited longest."""
        return self.ages.get(job.name, inf)


@dataclass(frozen=True, slots=True)
class NightChoice:
    """The jobs to start, in this order; and those that are left out, by name, with the reason."""

    jobs: tuple[Job, ...]
    left_out: Mapping[str, str]


def choose_jobs(
    jobs: Sequence[Job], forecast: Forecast, budget: float | None, cores: int
) -> NightChoice:
    """The jobs that *budget* seconds on *cores* have room for; all of them without a budget."""
    room = inf if budget is None else budget * max(cores, 1)
    chosen: list[Job] = []
    left_out: dict[str, str] = {}
    for job in sorted(jobs, key=lambda one: (-forecast.age(one), one.name)):
        cost = (forecast.expected(job) or 0.0) * min(job.cores, cores)
        if cost > room:
            left_out[job.name] = f"{NO_TIME}: it takes about {forecast.expected(job):.0f} s"
        else:
            room -= cost
            chosen.append(job)
    return NightChoice(longest_first(chosen, forecast), left_out)


def longest_first(jobs: Iterable[Job], forecast: Forecast) -> tuple[Job, ...]:
    """The longest first; one whose time nobody knows may be the longest."""
    return tuple(sorted(jobs, key=lambda one: (-_length(one, forecast), one.name)))


def _length(job: Job, forecast: Forecast) -> float:
    seconds = forecast.expected(job)
    return inf if seconds is None else seconds
