"""Many jobs at once: as many as cores and memory allow, and none stops the others."""

import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.nightly.crew import LOOK_SECONDS, Crew
from harness.nightly.host_capacity import Capacity
from harness.nightly.job_process import run_job
from harness.nightly.night_job import Job, JobResult
from harness.nightly.night_order import Forecast
from harness.store.store_records import StoredRun

CUT_OFF = "the budget ended while it ran"
NO_TIME_LEFT = "no time was left"
RETRIES = 1
"""How often a job runs again after a failure of the harness or the host."""
STOP_SECONDS = 600.0
"""For a job that was told to end: it ends its guest, and writes what it has."""


class JobWatcher(Protocol):
    """Learns what happens, always in the thread that runs the night."""

    def begun(self, job: Job) -> None:
        """*job* starts on this host."""

    def ended(self, result: JobResult) -> None:
        """A job has ended by itself: this is the moment to store its result."""

    def stored(self, run: StoredRun) -> None:
        """Another host has stored *run*: this is the moment to store it here too."""


@dataclass(frozen=True, slots=True)
class FleetLimits:
    """What a fleet may use; ``deadline`` is a time of time.monotonic(), None for no end."""

    capacity: Capacity
    deadline: float | None = None
    forecast: Forecast = field(default_factory=Forecast)
    retries: int = RETRIES

    def time_for(self, seconds: float) -> bool:
        """Tell whether so many seconds are left."""
        return self.deadline is None or time.monotonic() + seconds < self.deadline

    def allow(self, job: Job, running: Collection[Job]) -> bool:
        """Tell whether *job* may start now."""
        enough = self.time_for(self.forecast.expected(job) or 0.0)
        return enough and self.capacity.fits(job, running)


@dataclass(slots=True)
class _Fleet:
    folder: Path
    limits: FleetLimits
    watcher: JobWatcher
    pool: ThreadPoolExecutor
    waiting: list[Job]
    crew: Crew = field(default_factory=Crew)
    running: dict[Future[JobResult], Job] = field(default_factory=dict)

    def start_what_fits(self) -> None:
        """Start waiting jobs in their order; a small one may overtake one that does not fit."""
        for job in tuple(self.waiting):
            if self.limits.allow(job, self.running.values()):
                self.waiting.remove(job)
                self.watcher.begun(job)
                place = self.folder / job.name
                future = self.pool.submit(run_job, job, place, self.crew, self.limits.retries)
                self.running[future] = job

    def collect(self) -> None:
        """Hand on what has ended; it stays in ``running`` until its result is stored."""
        done, _ = wait(self.running, LOOK_SECONDS, FIRST_COMPLETED)
        for future in done:
            result = future.result(0)
            self.watcher.ended(result)
            del self.running[future]

    def stop(self) -> None:
        """End all that runs, and wait until it has cleaned up."""
        self.crew.stop()
        for future in self.running:
            future.result(STOP_SECONDS)


def run_fleet(
    jobs: Iterable[Job], folder: Path, limits: FleetLimits, watcher: JobWatcher
) -> Mapping[str, str]:
    """Run *jobs* in their order, each with a folder of its own below *folder*.

    Returns the jobs that were left out at the deadline, by name, with the reason.  Whatever ends
    this early (a signal, an error of *watcher*) ends all that runs.
    """
    waiting = list(jobs)
    with ThreadPoolExecutor(max_workers=max(1, len(waiting))) as pool:
        fleet = _Fleet(folder, limits, watcher, pool, waiting)
        try:
            fleet.start_what_fits()
            while fleet.running and limits.time_for(0.0):
                fleet.collect()
                fleet.start_what_fits()
        finally:
            fleet.stop()
    cut = dict.fromkeys((job.name for job in fleet.running.values()), CUT_OFF)
    return {**cut, **dict.fromkeys((job.name for job in fleet.waiting), NO_TIME_LEFT)}
