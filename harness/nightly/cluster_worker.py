"""A job of a night on a dask worker: its result is stored there before the worker returns it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event as ThreadEvent
from threading import Thread

from distributed import Event, get_client

from harness.base.cache import Cache
from harness.errors import UsageError
from harness.nightly.crew import Crew
from harness.nightly.fleet import CUT_OFF, NO_TIME_LEFT, RETRIES
from harness.nightly.job_identity import NightOrigin, stored_run
from harness.nightly.job_process import run_job
from harness.nightly.night_job import Job
from harness.nightly.night_run import utc_now
from harness.store.store import Store
from harness.store.store_records import StoredNight, StoredRun

LOOK_SECONDS = 2.0
RESULTS = "results.sqlite"


def work(job: Job, origin: NightOrigin, end: str) -> StoredRun | str:
    """Run *job* of the night of *origin*, or return its result if this host has it already.

    *end* names the event that is the end of the night; where it comes first, the reason is
    returned.  Raises UsageError where this host has other sources than the night.
    """
    ended = Event(end, get_client())
    if _is_over(ended):
        return NO_TIME_LEFT
    own = NightOrigin.of_host(origin.night)
    if own.sources != origin.sources:
        raise UsageError(
            f"the worker on {own.host} has other sources: {own.version}, not {origin.version}",
            hint="install the same commit for every worker",
        )
    folder = Cache.default().folder("nights", origin.night)
    with Store(folder / RESULTS, make=True) as store:
        store.begin(StoredNight(origin.night, utc_now()), ())
        return _stored(store, own, job) or _run(store, own, job, folder, ended)


def _stored(store: Store, origin: NightOrigin, job: Job) -> StoredRun | None:
    key = origin.key(job)
    for run in store.runs(origin.night, job.name):
        if run.key == key:
            return replace(run, report=store.report(key))
    return None


def _run(store: Store, origin: NightOrigin, job: Job, folder: Path, end: Event) -> StoredRun | str:
    crew = Crew()
    with _stopping(crew, end):
        result = run_job(job, folder / job.name, crew, RETRIES)
        if crew.stopped:
            return CUT_OFF
    run = stored_run(result, origin, utc_now())
    store.add(run)
    return run


@contextmanager
def _stopping(crew: Crew, end: Event) -> Iterator[None]:
    """Stop *crew* at the *end* of the night while the block runs."""
    over = ThreadEvent()
    thread = Thread(target=_watch, args=(crew, end, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(LOOK_SECONDS)


def _watch(crew: Crew, end: Event, over: ThreadEvent) -> None:
    while not over.wait(LOOK_SECONDS):
        if _is_over(end):
            crew.stop()
            return


def _is_over(end: Event) -> bool:
    """Tell whether the night is over: nobody wants a result when the scheduler is gone."""
    try:
        return bool(end.is_set())
    except OSError:
        return True
