"""A broken installation, and signals at any time: one message and one exit code, no traceback."""

import signal
import sys

import pytest

from .command import eventually

BROKEN = {
    "ImportError": "import module_that_is_not_there",
    "SyntaxError": "this is no Python",
    "RuntimeError": "raise RuntimeError('broken on purpose')",
    "OSError": "raise OSError(5, 'Input/output error')",
}
CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


@pytest.mark.parametrize("module", ["typer", "platformdirs", "rich"])
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_module_is_an_internal_error(command, tmp_path, module, kind):
    (tmp_path / f"{module}.py").write_text(f"{BROKEN[kind]}\n")
    ended = command("run", env={"PYTHONPATH": str(tmp_path)}).ended()
    assert ended.code == 3, ended
    assert ended.err.startswith("kmap-harness: "), ended
    assert "hint: " in ended.err
    assert "Traceback" not in ended.err


def test_debug_shows_where_it_broke(command, tmp_path):
    (tmp_path / "typer.py").write_text("raise RuntimeError('broken on purpose')\n")
    ended = command("run", "--debug", env={"PYTHONPATH": str(tmp_path)}).ended()
    assert ended.code == 3
    assert "Traceback" in ended.err


@pytest.mark.parametrize("name", CODES)
def test_explore_ends_at_once(command, name):
    run = command("explore")
    eventually("two workers", lambda: len(run.descendants()) >= 1)
    run.interrupt(signal.Signals[name])
    ended = run.ended()
    assert ended.code == CODES[name], ended
    assert "Traceback" not in ended.err
    said = [line for line in ended.err.splitlines() if not line.startswith("- exploring ")]
    assert len(said) == 1


def test_a_killed_explore_leaves_no_worker(command):
    run = command("explore")
    eventually("a worker", run.descendants)
    run.send(signal.SIGKILL)
    assert run.ended().code == -signal.SIGKILL


def test_an_ignored_signal_stays_ignored(command):
    """As under ``nohup``."""
    words = ("sh", "-c", 'trap "" HUP; exec "$@"', "sh")

    run = command(
        "explore", "--machine", "tiny", program=(*words, sys.executable, "-m", "harness")
    )
    eventually("a worker", lambda: run.descendants() or run.process.poll() is not None)
    run.send(signal.SIGHUP)
    assert run.ended().code == 0


def test_a_bisection_step_of_a_broken_installation_stops_git(command, tmp_path):
    (tmp_path / "typer.py").write_text("import module_that_is_not_there\n")
    assert command("bisect-step", env={"PYTHONPATH": str(tmp_path)}).ended().code == 128
