"""A command that is ended: it cleans up, writes what was done, and says so by its exit code."""

import json
import signal

import pytest

from .command import eventually, value_of

CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
RUN = ("--smp", "1", "--steps", "60000")


@pytest.mark.guest
@pytest.mark.parametrize("name", CODES)
def test_a_run_that_is_ended_writes_what_was_judged(command, tmp_path, name):
    files = ("--trace", "run.trace", "--json", "run.json", "--out", "out")
    run = command("run", *RUN, *files)
    run.judging(tmp_path / "run.trace")
    run.interrupt(signal.Signals[name])
    ended = run.ended()
    assert ended.code == CODES[name], ended
    assert "Traceback" not in ended.err
    value = value_of(tmp_path / "run.json")
    assert value["steps"] > 0
    assert value["error"] == ("interrupted" if name == "SIGINT" else f"ended by {name}")
    assert (value["verdict"], value["crash"]) == ("error", "")


@pytest.mark.guest
def test_a_killed_run_leaves_no_qemu(command, tmp_path):
    run = command("run", *RUN, "--trace", "run.trace", "--out", "out")
    run.judging(tmp_path / "run.trace")
    run.send(signal.SIGKILL)
    assert run.ended().code == -signal.SIGKILL


@pytest.mark.guest
@pytest.mark.parametrize("name", CODES)
def test_a_night_that_is_ended_writes_what_was_done(command, tmp_path, name):
    shapes = ("--shape", "smp=1", "--shape", "smp=1,variant=1", "--shape", "smp=1,variant=2")
    words = ("--kernel", "debian-6.1-686-pae", *shapes, "--steps", "60000", "--histories", "0")
    night = command("nightly", *words, "--out", "out", "--store", "store")
    eventually("a job", lambda: any((tmp_path / "out").glob("*/output.log")))
    night.child("qemu-system")
    night.send(signal.Signals[name])
    ended = night.ended()
    assert ended.code == CODES[name], ended
    value = json.loads((tmp_path / "out" / "nightly.json").read_text())
    assert value["runs"] == []
    assert [one["kind"] for one in value["changes"]] == ["not run"] * 3
    assert value["night"]["ended"] == "", "it goes on at the next call"
    assert (tmp_path / "out" / "junit.xml").stat().st_size > 0


@pytest.mark.guest
def test_a_killed_night_leaves_no_run(command):
    words = ("--kernel", "debian-6.1-686-pae", "--shape", "smp=1", "--histories", "0")
    night = command("nightly", *words, "--steps", "60000", "--out", "out")
    night.child("qemu-system")
    night.send(signal.SIGKILL)
    assert night.ended().code == -signal.SIGKILL
    eventually("the end of all", lambda: not night.descendants())


@pytest.mark.parametrize("name", CODES)
@pytest.mark.parametrize("words", [("explore",), ("explore", "--transitions")])
def test_an_exploration_ends_at_once_and_so_do_its_workers(command, words, name):
    """It went on for a minute, or printed a hundred lines of another library."""
    explored = command(*words)
    eventually("both workers", lambda: len(explored.descendants()) >= 2)
    explored.interrupt(signal.Signals[name])
    ended = explored.ended()
    assert ended.code == CODES[name], ended
    assert "Traceback" not in ended.err
    word = "interrupted" if name == "SIGINT" else f"ended by {name}"
    assert ended.err.splitlines()[-1] == f"kmap-harness: {word}"
    assert len(ended.err.splitlines()) < 10


@pytest.mark.guest
@pytest.mark.parametrize("name", CODES)
def test_broken_rules_end_at_once(command, tmp_path, name):
    broken = command("broken-rules", "--out", "out", "--json", "rules.json")
    broken.child("qemu-system")
    eventually("a second case", lambda: len([*(tmp_path / "out").iterdir()]) > 1)
    broken.interrupt(signal.Signals[name])
    ended = broken.ended()
    assert ended.code == CODES[name], ended
    assert "Traceback" not in ended.err
    assert len(ended.err.splitlines()) < 30
    value = value_of(tmp_path / "rules.json")
    assert value["error"] == ("interrupted" if name == "SIGINT" else f"ended by {name}")
    assert value["as_expected"] is None
    assert value["cases"]
