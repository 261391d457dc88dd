"""Progress in a log: a line for each stage, which names what is done, and no invented figures."""

import io
import sys
import time

import pytest
from rich.console import Console

from harness.base.progress import Labelled, amount_words
from harness.base.project import SCENARIOS
from harness.cli import progress_bar
from harness.cli.nightly import NightWatcher
from harness.cli.output import CommandOutput
from harness.cli.progress_bar import PlainProgress, TerminalProgress
from harness.nightly.job_identity import NightOrigin, stored_run
from harness.nightly.night_job import Job, JobResult
from harness.run.programs import Plan, plan_words, read_plan
from harness.run.scenario_files import scenario_files
from tests.still_running import SILENCE_SECONDS, StillRunning


@pytest.fixture
def clock(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(progress_bar.time, "monotonic", lambda: now[0])
    yield now
    monkeypatch.setattr(progress_bar.time, "monotonic", time.monotonic)


def test_a_stage_is_one_line_and_a_long_one_says_how_far_it_is(clock, capsys):
    progress = PlainProgress()
    progress.step("building the kernel")
    progress.step("building the kernel")
    progress.advance(3, 0, "files made")
    clock[0] += 31
    progress.advance(437, 0, "files made")
    progress.advance(438, 0, "files made")
    progress.note("passed over: a package")
    assert capsys.readouterr().err.splitlines() == [
        "- building the kernel",
        "  building the kernel: 437 files made",
        "  passed over: a package",
    ]


def test_no_total_is_told_that_nobody_knows():
    assert amount_words(3, 0, "files made") == "3 files made"
    assert amount_words(3, 12, "runs ended") == "3 of 12 runs ended"


def test_a_label_tells_the_same_work_apart(capsys):
    Labelled(PlainProgress(), "pae, base kernel").step("starting 6.1")
    assert capsys.readouterr().err == "- pae, base kernel: starting 6.1\n"


def test_a_plan_is_named_by_what_is_in_it():
    files = scenario_files([], SCENARIOS)
    one = read_plan(files[:1], 1, 0)
    assert plan_words(one) == files[0].stem
    assert plan_words(read_plan(files[:3], 1, 500)) == "3 scenarios and 500 generated steps"
    assert plan_words(Plan((), 1, 500)) == "500 generated steps"
    assert plan_words(Plan(one.scenarios, 1, 0, only="other")) == "other"


def test_a_terminal_shows_brackets_as_they_are():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=90)
    with TerminalProgress(console) as progress:
        progress.step("machine [tiny]")
        progress.advance(1, 2, "[x]")
        progress.note("a fact [stays]")
    assert "machine [tiny]" in stream.getvalue()
    assert "a fact [stays]" in stream.getvalue()


def test_a_narrow_terminal_shows_the_figure_and_the_time_whole():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=70)
    with TerminalProgress(console) as progress:
        progress.step("starting a kernel with a long name on a machine with a long name, too")
        progress.advance(7, 0, "steps judged")
    last = [line for line in stream.getvalue().splitlines() if "7 steps judged" in line][-1]
    assert "0:00:00" in last
    assert "starting a kernel" in last


def test_bars_leave_standard_output_alone_where_it_is_no_terminal():
    """Rich sent to the terminal what was meant for a file."""
    before = sys.stdout
    assert not before.isatty()
    with TerminalProgress(Console(file=io.StringIO(), force_terminal=True)) as progress:
        progress.step("x")
        assert sys.stdout is before


def test_a_night_says_what_begins_and_what_has_ended(capsys, tmp_path):
    watcher = NightWatcher(2, PlainProgress(), CommandOutput())
    job = Job("debian-smp1", (), 1, 64)
    watcher.begun(job)
    result = JobResult(job, 0, 1.5, tmp_path, {"verdict": "agree", "steps": 7})
    watcher.ended(stored_run(result, NightOrigin("night", "m", "s", "h"), ""))
    said = capsys.readouterr()
    assert said.err == "- run 1 of 2: debian-smp1\n"
    assert said.out == "agree    debian-smp1: 7 steps in 1.5 s\n"


def test_exploring_names_each_machine(harness):
    answer = harness("explore", "--machine", "tiny", "--machine", "stack-kmap")
    assert answer.err.splitlines()[0].startswith("- exploring machine 1 of 2: tiny, ")
    assert "machine 2 of 2: stack-kmap" in answer.err


def test_a_silence_of_the_tests_is_explained():
    now = [0.0]
    watch = StillRunning(print, lambda: now[0])
    watch.pytest_runtest_logstart("tests/a.py::slow")
    watch.pytest_runtest_logstart("tests/a.py::fast")
    now[0] = SILENCE_SECONDS - 1
    watch.pytest_runtest_logfinish("tests/a.py::fast")
    now[0] = SILENCE_SECONDS + 1
    assert list(watch.lines()) == []
    now[0] = 2 * SILENCE_SECONDS
    assert list(watch.lines()) == ["still running, for 120 s: tests/a.py::slow"]
    assert list(watch.lines()) == []
