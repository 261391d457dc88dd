"""A night on a dask cluster: whoever is lost, the results are those of a night on one host."""

import os
import signal
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from distributed import LocalCluster, WorkerPlugin

from harness.errors import PrerequisiteError
from harness.nightly import cluster, job_process
from harness.nightly.cluster import DaskCluster
from harness.nightly.fleet import CUT_OFF, NO_TIME_LEFT
from harness.nightly.host_capacity import Capacity
from harness.nightly.job_identity import NightOrigin
from harness.nightly.night_job import Job
from harness.nightly.night_run import NightTeller, ThisHost, plan_night, run_night
from harness.store.store import Store

FAKE = Path(__file__).with_name("fake_job.sh")
VERDICTS = ("agree", "diverge", "error")


class FakeJobs(WorkerPlugin):
    """Every worker, also one that is started again, runs *command* in place of the harness."""

    def __init__(self, command, ledger, cache):
        self.command, self.ledger, self.cache = tuple(map(str, command)), str(ledger), str(cache)

    def setup(self, worker):
        job_process.own_command = lambda: self.command
        os.environ |= {"LEDGER": self.ledger, "KMAP_HARNESS_CACHE": self.cache}


@pytest.fixture(scope="module")
def workers():
    with LocalCluster(
        n_workers=2, threads_per_worker=2, resources={"cores": 2}, dashboard_address=":0"
    ) as started:
        yield started


@pytest.fixture
def use(workers, tmp_path):
    """Let the workers run a command."""

    def use(*command):
        with workers.get_client() as client:
            plugin = FakeJobs(command, tmp_path / "ledger", tmp_path / "cache")
            client.register_plugin(plugin, name="jobs")

    (tmp_path / "ledger").touch()
    return use


def jobs(count):
    return [Job(f"job-{n}", (f"job-{n}", VERDICTS[n % 3]), 1 + n % 2, 256) for n in range(count)]


def night_of(path, chosen, place_of, *, budget=None):
    """Run a night; return what was left out, and its runs."""
    with Store(path, make=True) as store:
        plan = plan_night(store, chosen, NightOrigin.of_host("night"), "", named=True)
        teller = NightTeller(lambda job: None, lambda run: None)
        with place_of(plan) as place:
            left = run_night(store, plan, place, budget, teller)
        return left, store.runs()


def compared(runs):
    """The rows without what two nights never have in common: times and folders."""
    return [replace(run, seconds=0.0, ended="", folder="") for run in runs]


class Local(ThisHost):
    def __enter__(self):
        return self

    def __exit__(self, *ended):
        return None


def test_a_worker_that_is_killed_changes_no_result(workers, use, tmp_path, monkeypatch):
    use(FAKE)
    monkeypatch.setattr(job_process, "own_command", lambda: (str(FAKE),))
    monkeypatch.setenv("LEDGER", str(tmp_path / "ledger"))
    chosen = jobs(30)

    def local(plan):
        return Local(tmp_path / "out", Capacity(4, 100_000), plan.forecast)

    nothing_left, expected = night_of(tmp_path / "local", chosen, local)
    (tmp_path / "ledger").write_text("")

    def on_cluster(plan):
        return DaskCluster(workers.scheduler_address, plan.origin)

    victim = min(worker.pid for worker in workers.workers.values() if worker.pid)
    killer = threading.Timer(0.3, os.kill, (victim, signal.SIGKILL))
    killer.start()
    left, runs = night_of(tmp_path / "cluster", chosen, on_cluster)
    killer.join()
    assert left == nothing_left == {}
    assert compared(runs) == compared(expected)


def test_a_result_that_the_worker_has_is_not_made_again(workers, use, tmp_path):
    use(FAKE)

    def place_of(plan):
        return DaskCluster(workers.scheduler_address, plan.origin)

    for name in ("first", "second"):
        _, runs = night_of(tmp_path / name, jobs(4), place_of)
        assert len(runs) == 4
    assert len((tmp_path / "ledger").read_text().split()) == 4


def test_at_the_end_of_the_budget_jobs_are_ended(workers, use, tmp_path):
    sleeper = tmp_path / "sleeper.sh"
    sleeper.write_text("#!/bin/sh\nsleep 600\n")
    sleeper.chmod(0o755)
    use(sleeper)

    def place_of(plan):
        return DaskCluster(workers.scheduler_address, plan.origin)

    left, runs = night_of(tmp_path / "store", jobs(8), place_of, budget=5.0)
    assert runs == ()
    assert len(left) == 8
    assert set(left.values()) == {CUT_OFF, NO_TIME_LEFT}


def test_workers_with_other_sources_are_refused(workers, use, tmp_path):
    use(FAKE)
    origin = replace(NightOrigin.of_host("night"), module="other")
    watcher = None
    with (
        DaskCluster(workers.scheduler_address, origin) as place,
        pytest.raises(Exception, match="has other sources"),
    ):
        place.run(jobs(1), None, watcher)


def test_nobody_answers(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.5)
    with pytest.raises(PrerequisiteError, match=r"no scheduler answers at tcp://127\.0\.0\.1:9"):
        DaskCluster("tcp://127.0.0.1:9", NightOrigin("n", "m", "s", "h"))
    with pytest.raises(PrerequisiteError, match="no scheduler answers at nonsense"):
        DaskCluster("nonsense", NightOrigin("n", "m", "s", "h"))


def test_a_scheduler_without_workers(monkeypatch):
    monkeypatch.setattr(cluster, "WORKER_SECONDS", 0.5)
    with (
        LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as empty,
        pytest.raises(PrerequisiteError, match="has no worker"),
    ):
        DaskCluster(empty.scheduler_address, NightOrigin("n", "m", "s", "h"))
