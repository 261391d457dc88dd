"""Many jobs at once: admitted by cores and memory, each with its own report, none stopping
another.
"""

import json
import sys
import threading

import pytest

from harness.nightly import fleet
from harness.nightly.fleet import HARNESS_MIB, Admission, Capacity, Job, run_fleet


def job(name="one", smp=2, memory=256):
    return Job(name, (), smp, memory)


def admitted(capacity, jobs):
    """Which of *jobs*, entering one after another without leaving, get in."""
    admission = Admission(capacity)
    inside = []
    for one in jobs:
        thread = threading.Thread(target=admission.enter, args=(one,), daemon=True)
        thread.start()
        thread.join(0.2)
        inside.append(not thread.is_alive())
    return inside


def test_as_many_as_cores_allow():
    assert admitted(Capacity(4, 100_000), [job(), job(), job()]) == [True, True, False]
    assert admitted(Capacity(4, 100_000), [job(smp=1)] * 5) == [True, True, True, True, False]


def test_as_many_as_memory_allows():
    assert admitted(Capacity(64, 2 * (256 + HARNESS_MIB)), [job()] * 3) == [True, True, False]


def test_a_job_too_large_for_the_host_runs_alone():
    assert admitted(Capacity(1, 100), [job(memory=4096), job()]) == [True, False]


def test_who_leaves_makes_room():
    admission = Admission(Capacity(2, 100_000))
    admission.enter(job())
    entered = threading.Event()
    threading.Thread(target=lambda: (admission.enter(job()), entered.set()), daemon=True).start()
    assert not entered.wait(0.2)
    admission.leave(job())
    assert entered.wait(10)


STUB = """
import json, pathlib, sys
at = sys.argv.index
report = pathlib.Path(sys.argv[at("--json") + 1])
what = sys.argv[at("run") + 1]
if what == "agree":
    report.write_text(json.dumps({"verdict": "agree", "steps": 7}))
elif what == "half":
    report.write_text('{"verdict": "agr')
print("last words of", what)
sys.exit({"agree": 0, "crash": 139, "half": 3}[what])
"""


@pytest.fixture
def stub(tmp_path, monkeypatch):
    """In place of the harness, a program that ends in the way its first argument names."""
    path = tmp_path / "stub.py"
    path.write_text(STUB)
    shell = tmp_path / "python"
    shell.write_text(f'#!/bin/sh\nexec {sys.executable} {path} "$@"\n')
    shell.chmod(0o755)
    monkeypatch.setattr(fleet, "own_command", lambda: (str(shell),))


def test_one_that_crashes_stops_no_other(stub, tmp_path):
    jobs = [
        Job(f"{what}-{n}", (what,), 1, 64)
        for n, what in enumerate(("agree", "crash", "half", "agree"))
    ]
    names = {one.name for one in jobs}
    told, begun = [], []
    results = run_fleet(jobs, tmp_path / "out", Capacity(2, 100_000), told.append, begun.append)
    assert [one.job for one in results] == jobs
    assert {one.job.name for one in told} == {one.name for one in begun} == names
    assert [one.report["verdict"] for one in results] == ["agree", "error", "error", "agree"]
    assert [one.exit_code for one in results] == [0, 139, 3, 0]
    assert "last words of crash" in results[1].report["error"]
    assert (tmp_path / "out" / "half-2" / "output.log").read_text() == "last words of half\n"


def test_the_report_of_an_earlier_night_is_not_taken_for_this_ones(stub, tmp_path):
    folder = tmp_path / "out" / "crash"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"verdict": "agree", "steps": 7}))
    (result,) = run_fleet(
        [Job("crash", ("crash",), 1, 64)], tmp_path / "out", Capacity(1, 1000), print, print
    )
    assert result.report["verdict"] == "error"
