"""Many jobs at once: admitted by cores and memory, each with its own report, none stopping
another.
"""

import json
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from harness.nightly import job_process
from harness.nightly.fleet import CUT_OFF, NO_TIME_LEFT, FleetLimits, run_fleet
from harness.nightly.host_capacity import HARNESS_MIB, Capacity
from harness.nightly.night_job import Job
from harness.nightly.night_order import Forecast

WIDE = Capacity(64, 100_000)


def job(name="one", smp=2, memory=256):
    return Job(name, (), smp, memory)


def admitted(capacity, jobs):
    """Which of *jobs*, each asking beside those before it that got in, get in."""
    inside, answers = [], []
    for one in jobs:
        answers.append(capacity.fits(one, inside))
        inside += [one] if answers[-1] else []
    return answers


def test_as_many_as_cores_allow():
    assert admitted(Capacity(4, 100_000), [job(), job(), job()]) == [True, True, False]
    assert admitted(Capacity(4, 100_000), [job(smp=1)] * 5) == [True, True, True, True, False]


def test_as_many_as_memory_allows():
    assert admitted(Capacity(64, 2 * (256 + HARNESS_MIB)), [job()] * 3) == [True, True, False]


def test_as_many_as_the_user_allows():
    assert admitted(Capacity(64, 100_000, 1), [job()] * 2) == [True, False]


def test_a_job_too_large_for_the_host_runs_alone():
    assert admitted(Capacity(1, 100), [job(memory=4096), job()]) == [True, False]


STUB = """
import json, os, pathlib, signal, sys, time
at = sys.argv.index
report = pathlib.Path(sys.argv[at("--json") + 1])
what = sys.argv[at("run") + 1]
print("last words of", what)
if what == "once":
    if not (report.parent / "tried").exists():
        (report.parent / "tried").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    what = "agree"
if what == "sleep":
    sys.stdout.flush()
    time.sleep(600)
if what == "agree":
    report.write_text(json.dumps({"verdict": "agree", "steps": 7}))
elif what == "half":
    report.write_text('{"verdict": "agr')
elif what == "bare":
    report.write_text("{}")
sys.exit({"agree": 0, "crash": 139, "half": 3, "bare": 1}[what])
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """In place of the harness, a program that ends in the way its first argument names."""
    path = tmp_path / "stub.py"
    path.write_text(STUB)
    monkeypatch.setattr(job_process, "own_command", lambda: (sys.executable, str(path)))


class Seen:
    """What a fleet tells."""

    def __init__(self):
        self.began, self.results, self.threads = [], [], set()

    def begun(self, job):
        self.began.append(job.name)
        self.threads.add(threading.current_thread())

    def ended(self, result):
        self.results.append(result)
        self.threads.add(threading.current_thread())


def run(whats, tmp_path, **limits):
    jobs = [Job(f"{what}-{n}", (what,), 1, 64) for n, what in enumerate(whats)]
    seen = Seen()
    limits.setdefault("capacity", Capacity(2, 100_000))
    left = run_fleet(jobs, tmp_path / "out", FleetLimits(**limits), seen)
    assert seen.threads <= {threading.current_thread()}
    found = {one.job.name: one for one in seen.results}
    assert len(found) == len(seen.results), "no job has ended twice"
    return SimpleNamespace(found=found, began=seen.began, left=left)


def test_one_that_crashes_stops_no_other(stub, tmp_path):
    night = run(["agree", "crash", "half", "agree", "bare"], tmp_path, retries=0)
    assert set(night.began) == set(night.found)
    assert not night.left
    found = {name: (one.verdict, one.exit_code) for name, one in night.found.items()}
    assert found == {
        "agree-0": ("agree", 0),
        "crash-1": ("error", 139),
        "half-2": ("error", 3),
        "agree-3": ("agree", 0),
        "bare-4": ("diverge", 1),
    }
    assert "last words of crash" in night.found["crash-1"].report["error"]
    assert (tmp_path / "out" / "half-2" / "output.log").read_text() == "last words of half\n"


def test_what_failed_to_run_runs_again(stub, tmp_path):
    night = run(["once"], tmp_path, retries=1)
    assert night.found["once-0"].verdict == "agree"
    night = run(["once"], tmp_path / "other", retries=0)
    assert night.found["once-0"].verdict == "error"


def test_the_report_of_an_earlier_night_is_not_taken_for_this_ones(stub, tmp_path):
    folder = tmp_path / "out" / "crash-0"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"verdict": "agree", "steps": 7}))
    night = run(["crash"], tmp_path, retries=0)
    assert night.found["crash-0"].verdict == "error"


def test_at_the_deadline_what_runs_is_ended_and_has_no_result(stub, tmp_path):
    deadline = time.monotonic() + 5
    night = run(["sleep", "agree", "sleep"], tmp_path, deadline=deadline, capacity=Capacity(1, 99))
    assert night.left == {"sleep-0": CUT_OFF, "agree-1": NO_TIME_LEFT, "sleep-2": NO_TIME_LEFT}
    assert not night.found


def test_a_job_that_would_not_end_in_time_is_not_started(stub, tmp_path):
    forecast = Forecast({"sleep-0": 9_000.0, "agree-1": 1.0})
    deadline = time.monotonic() + 600
    night = run(["sleep", "agree"], tmp_path, deadline=deadline, forecast=forecast)
    assert night.left == {"sleep-0": NO_TIME_LEFT}
    assert set(night.found) == {"agree-1"}


def test_an_error_of_the_watcher_ends_all_that_runs(stub, tmp_path):
    """Else a full disk would leave guests behind."""
    seen = Seen()
    seen.ended = lambda result: 1 / 0
    jobs = [Job("a", ("agree",), 1, 64), Job("s", ("sleep",), 1, 64)]
    with pytest.raises(ZeroDivisionError):
        run_fleet(jobs, tmp_path, FleetLimits(WIDE), seen)
