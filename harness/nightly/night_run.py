"""A night from its jobs to its results in the store; one that was ended goes on."""

import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from harness.nightly.fleet import FleetLimits, JobWatcher, run_fleet
from harness.nightly.host_capacity import Capacity
from harness.nightly.job_identity import NightOrigin, stored_run
from harness.nightly.night_job import Job, JobResult
from harness.nightly.night_order import Forecast, choose_jobs
from harness.nightly.shards import Shard
from harness.store.store import Store
from harness.store.store_records import PlannedJob, StoredNight, StoredRun

WHOLE = Shard()
OTHER_SHARD = "another shard has it"


def utc_now() -> str:
    """The time, as the store has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class NightTeller:
    """What a command wants to hear of a night that goes on."""

    begun: Callable[[Job], None]
    ended: Callable[[StoredRun], None]


@dataclass(frozen=True, slots=True)
class NightPlan:
    """A night that has begun: its jobs by key, those still to do, and how many are done."""

    origin: NightOrigin
    jobs: Mapping[str, Job]
    to_do: tuple[Job, ...]
    done: int
    forecast: Forecast

    def of_others(self, done: Container[str]) -> Mapping[str, str]:
        """The jobs of other shards, by name, that have no result among the keys *done*."""
        names = {job.name for job in self.to_do}
        rest = (job.name for key, job in self.jobs.items() if key not in done)
        return {name: OTHER_SHARD for name in rest if name not in names}


def plan_night(
    store: Store,
    jobs: Sequence[Job],
    origin: NightOrigin,
    command: str,
    shard: Shard = WHOLE,
    *,
    named: bool,
) -> NightPlan:
    """Begin the night of *origin*, or go on with one of the same jobs that something has ended.

    With *named* the user has chosen the night.  The jobs of other shards are not to do.
    """
    origin = origin if named else _interrupted(store, jobs, origin) or origin
    keyed = {origin.key(job): job for job in jobs}
    night = StoredNight(origin.night, utc_now(), "", command)
    store.begin(night, (PlannedJob(key, job.name) for key, job in keyed.items()))
    done = store.keys()
    to_do = tuple(job for job in shard.share(jobs) if origin.key(job) not in done)
    return NightPlan(origin, keyed, to_do, len(done & keyed.keys()), _forecast(store))


def _interrupted(store: Store, jobs: Iterable[Job], origin: NightOrigin) -> NightOrigin | None:
    """The last night, if it has no end, and has just these jobs made from the same sources."""
    last = next(reversed(store.nights()), None)
    if last is None or last.ended:
        return None
    again = replace(origin, night=last.name)
    planned = {one.key for one in store.planned(last.name)}
    return again if planned == {again.key(job) for job in jobs} else None


def _forecast(store: Store) -> Forecast:
    nights = [one.name for one in store.nights()]
    ages = {run.job: len(nights) - 1 - nights.index(run.night) for run in store.runs()}
    return Forecast(store.seconds(), ages)


@dataclass(frozen=True, slots=True)
class _Storing:
    """Stores each result as it comes, and then tells of it."""

    store: Store
    origin: NightOrigin
    teller: NightTeller

    def begun(self, job: Job) -> None:
        """*job* starts."""
        self.teller.begun(job)

    def ended(self, result: JobResult) -> None:
        """The result is safe before anybody hears of it."""
        self.stored(stored_run(result, self.origin, utc_now()))

    def stored(self, run: StoredRun) -> None:
        """The same for a result that has come from another host."""
        self.store.add(run)
        self.teller.ended(run)


class NightPlace(Protocol):
    """Where the jobs of a night run: this host, or the workers of a cluster."""

    @property
    def cores(self) -> int:
        """Cores for guests."""

    def run(
        self, jobs: Iterable[Job], deadline: float | None, watcher: JobWatcher
    ) -> Mapping[str, str]:
        """Run *jobs* until *deadline* (time.monotonic()); return those left out, with reasons."""


@dataclass(frozen=True, slots=True)
class ThisHost:
    """The host of this process, as far as *capacity* goes; jobs have folders in *folder*."""

    folder: Path
    capacity: Capacity
    forecast: Forecast

    @property
    def cores(self) -> int:
        """Cores for guests."""
        return self.capacity.cores

    def run(
        self, jobs: Iterable[Job], deadline: float | None, watcher: JobWatcher
    ) -> Mapping[str, str]:
        """Run *jobs* until *deadline*, as ``run_fleet`` does."""
        limits = FleetLimits(self.capacity, deadline, self.forecast)
        return run_fleet(jobs, self.folder, limits, watcher)


def run_night(
    store: Store, plan: NightPlan, place: NightPlace, budget: float | None, teller: NightTeller
) -> Mapping[str, str]:
    """Run what is to do at *place*; return the jobs that were left out, by name, with the reason.

    The night stops after *budget* seconds; None: it takes as long as it takes.  A night that is
    ended early has no end in the store, and goes on at the next call.
    """
    deadline = None if budget is None else time.monotonic() + budget
    choice = choose_jobs(plan.to_do, plan.forecast, budget, place.cores)
    cut = place.run(choice.jobs, deadline, _Storing(store, plan.origin, teller))
    left_out = {**plan.of_others(store.keys()), **choice.left_out, **cut}
    keys = {job.name: key for key, job in plan.jobs.items()}
    store.end(plan.origin.night, utc_now(), {keys[job]: why for job, why in left_out.items()})
    return left_out
