"""A night from its jobs to its results in the store; one that was ended goes on."""

import time
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from harness.nightly.fleet import FleetLimits, run_fleet
from harness.nightly.host_capacity import Capacity
from harness.nightly.job_identity import NightOrigin, stored_run
from harness.nightly.night_job import Job, JobResult
from harness.nightly.night_order import Forecast, NightChoice, choose_jobs
from harness.nightly.shards import Shard
from harness.store.store import Store
from harness.store.store_records import PlannedJob, StoredNight

WHOLE = Shard()
OTHER_SHARD = "another shard has it"


def utc_now() -> str:
    """The time, as the store has it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class NightTeller:
    """What a command wants to hear of a night that goes on."""

    begun: Callable[[Job], None]
    ended: Callable[[JobResult], None]


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
        self.store.add(stored_run(result, self.origin, utc_now()))
        self.teller.ended(result)


@dataclass(frozen=True, slots=True)
class NightLimits:
    """What a night may use: the host's capacity, and seconds (None: as long as it takes)."""

    capacity: Capacity
    budget: float | None = None

    def of_fleet(self, forecast: Forecast) -> FleetLimits:
        """The limits of the fleet that starts now."""
        deadline = None if self.budget is None else time.monotonic() + self.budget
        return FleetLimits(self.capacity, deadline, forecast)

    def choice(self, plan: NightPlan) -> NightChoice:
        """What the budget has room for."""
        return choose_jobs(plan.to_do, plan.forecast, self.budget, self.capacity.cores)


def run_night(
    store: Store, plan: NightPlan, folder: Path, limits: NightLimits, teller: NightTeller
) -> Mapping[str, str]:
    """Run what is to do; return the jobs that were left out, by name, with the reason.

    A night that is ended early has no end in the store, and goes on at the next call.
    """
    choice = limits.choice(plan)
    watcher = _Storing(store, plan.origin, teller)
    cut = run_fleet(choice.jobs, folder, limits.of_fleet(plan.forecast), watcher)
    left_out = {**plan.of_others(store.keys()), **choice.left_out, **cut}
    keys = {job.name: key for key, job in plan.jobs.items()}
    store.end(plan.origin.night, utc_now(), {keys[job]: why for job, why in left_out.items()})
    return left_out
