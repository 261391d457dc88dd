"""Nights as reports get them: stored, and read again."""

from pathlib import Path

from harness.nightly.job_identity import NightOrigin, stored_run
from harness.nightly.night_job import Job, JobResult
from harness.store.night_view import view_night
from harness.store.store import Store
from harness.store.store_records import PlannedJob, StoredNight

CODES = {"agree": 0, "diverge": 1, "unmet": 1}


def night(store, name, reports):
    """Store a night: what each job wrote, by the job's name; None for one that was left out."""
    origin = NightOrigin(name, "module", "scenarios", "harness", "0.1.0", "QEMU 9.2", "host")
    jobs = {job: Job(job, ("--kernel", "k", "--shape", job), 2, 256) for job in reports}
    planned = [PlannedJob(origin.key(job), job.name) for job in jobs.values()]
    store.begin(StoredNight(name, f"{name}T22:00:00+00:00", "", "kmap-harness nightly"), planned)
    for job, report in reports.items():
        if report is not None:
            code = CODES.get(report.get("verdict"), 3)
            result = JobResult(jobs[job], code, 1.25, Path("out") / job, report)
            run = stored_run(result, origin, f"{name}T23:00:00+00:00")
            assert store.add(run)
    store.end(name, f"{name}T23:30:00+00:00", {})


def viewed(folder, *nights):
    """The last of several nights, each as :func:`night` takes them."""
    folder.mkdir(exist_ok=True)
    with Store(folder / "store.sqlite", make=True) as store:
        for number, reports in enumerate(nights, 1):
            night(store, f"2026-01-{number:02}", reports)
        return view_night(store)
