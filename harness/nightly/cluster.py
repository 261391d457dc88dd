"""A night on a dask cluster: every worker takes jobs, each as many as its resources allow."""

import time
from collections.abc import Collection, Iterable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from typing import Any, Self

from distributed import Client, Event, Future, wait
from distributed.scheduler import KilledWorker

from harness.errors import InfrastructureError, PrerequisiteError
from harness.nightly.cluster_worker import work
from harness.nightly.crew import LOOK_SECONDS
from harness.nightly.fleet import CUT_OFF, JobWatcher
from harness.nightly.host_capacity import HARNESS_MIB
from harness.nightly.job_identity import NightOrigin
from harness.nightly.night_job import Job

CONNECT_SECONDS = 30.0
WORKER_SECONDS = 30.0
"""Seconds for the first worker to come."""
END_SECONDS = 120.0
"""Seconds for the workers to end their jobs after the end of the night."""
CORES, MIB = "cores", "MiB"
WORKER_LOST = "its workers were lost"
_HINT = "start workers: dask worker ADDRESS --resources 'cores=2 MiB=8000'"


@dataclass(slots=True)
class _ClusterNight:
    client: Client
    origin: NightOrigin
    end: Event
    watcher: JobWatcher
    running: dict[Future, Job] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def submit(self, jobs: Iterable[Job], offered: Mapping[str, float]) -> None:
        """Give the scheduler all *jobs*, the first to be the first; workers have *offered*."""
        for rank, job in enumerate(jobs):
            future = self.client.submit(
                work,
                job,
                self.origin,
                self.end.name,
                key=f"kmap-{self.origin.key(job)}",
                resources=_needs(job, offered),
                priority=-rank,
            )
            self.running[future] = job

    def collect(self) -> None:
        """Hand on what has ended since the last call, within LOOK_SECONDS."""
        for future in [one for one in self.running if one.done()]:
            job = self.running.pop(future)
            self._hand_on(job, future)
        if self.running:
            _wait_a_moment(self.running)

    def _hand_on(self, job: Job, future: Future) -> None:
        try:
            run = future.result(CONNECT_SECONDS)
        except KilledWorker:
            self.left_out[job.name] = WORKER_LOST
            return
        except (CancelledError, OSError) as error:
            raise InfrastructureError(
                f"the scheduler has lost the job {job.name}: {error!r}",
                hint="the same command goes on with the night",
            ) from error
        if isinstance(run, str):
            self.left_out[job.name] = run
        else:
            self.watcher.stored(run)

    def stop(self) -> None:
        """End what runs and what waits, and take what ended before that."""
        self.end.set()
        until = time.monotonic() + END_SECONDS
        while self.running and time.monotonic() < until:
            self.collect()
        self.client.cancel(list(self.running))
        self.left_out |= dict.fromkeys((job.name for job in self.running.values()), CUT_OFF)


class DaskCluster:
    """The workers of one scheduler, as a place for the jobs of a night.

    A context manager.  Raises PrerequisiteError where nobody answers or works there.
    """

    def __init__(self, address: str, origin: NightOrigin) -> None:
        self._origin = origin
        self._client = _connected(address)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._client.close(CONNECT_SECONDS)

    @property
    def cores(self) -> int:
        """Cores for guests, of all workers together."""
        return int(sum(_of_worker(one).get(CORES, one["nthreads"]) for one in self._workers()))

    def _workers(self) -> Collection[Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]]
        found = self._client.scheduler_info(n_workers=-1)["workers"]
        return found.values()

    def run(
        self, jobs: Iterable[Job], deadline: float | None, watcher: JobWatcher
    ) -> Mapping[str, str]:
        """Run *jobs* until *deadline*, a time of time.monotonic().

        Returns the jobs without a result, by name, with the reason.  Raises InfrastructureError
        where the scheduler is lost.
        """
        end = Event(f"kmap-end-{self._origin.night}", self._client)
        end.clear()
        night = _ClusterNight(self._client, self._origin, end, watcher)
        try:
            night.submit(jobs, _most(self._workers()))
            while night.running and (deadline is None or time.monotonic() < deadline):
                night.collect()
        finally:
            night.stop()
        return night.left_out


def _connected(address: str) -> Client:
    try:
        client = Client(address, timeout=CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise PrerequisiteError(
            f"no scheduler answers at {address}: {error}",
            hint="start it with `dask scheduler`; it prints its address",
        ) from error
    try:
        client.wait_for_workers(1, timeout=WORKER_SECONDS)
    except TimeoutError as error:
        client.close(CONNECT_SECONDS)
        raise PrerequisiteError(
            f"the scheduler at {address} has no worker", hint=_HINT.replace("ADDRESS", address)
        ) from error
    return client


def _of_worker(worker: Mapping[str, Any]) -> Mapping[str, float]:
    """The resources that a worker was started with."""
    found: Mapping[str, float] = worker["resources"]
    return found


def _most(workers: Iterable[Mapping[str, Any]]) -> Mapping[str, float]:
    """The most that one worker has of each resource."""
    most: dict[str, float] = {}
    for worker in workers:
        for name, amount in _of_worker(worker).items():
            most[name] = max(amount, most.get(name, 0.0))
    return most


def _needs(job: Job, offered: Mapping[str, float]) -> Mapping[str, float]:
    """What *job* takes of a worker; one too large for all workers takes a whole worker."""
    wanted = {CORES: float(job.cores), MIB: float(job.memory_mib + HARNESS_MIB)}
    return {name: min(amount, offered[name]) for name, amount in wanted.items() if name in offered}


def _wait_a_moment(futures: Iterable[Future]) -> None:
    try:
        wait(list(futures), LOOK_SECONDS, "FIRST_COMPLETED")
    except TimeoutError:
        return
