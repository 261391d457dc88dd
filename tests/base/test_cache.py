"""Locks of the cache: one at a time, and who waits is told for whom."""

import subprocess
import sys

import pytest

from harness.base import cache as cache_module
from harness.base.cache import Cache

HOLDER = """
import sys
from pathlib import Path
from harness.base.cache import Cache
with Cache(Path(sys.argv[1])).locked("linux"):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path):
    """Another process, which has the lock of ``linux`` until its input ends."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "locked\n"
        yield process
        process.kill()


def test_who_waits_is_told_for_whom(tmp_path, holder, monkeypatch, capsys):
    monkeypatch.setattr(cache_module, "SILENT_SECONDS", 0.05)
    told = []

    class Told:
        """The first words end the wait: the holder lets go when it sees its input end."""

        def write(self, text):
            told.append(text)
            holder.stdin.close()

    monkeypatch.setattr(cache_module.sys, "stderr", Told())
    with Cache(tmp_path).locked("linux"):
        holder.wait()
    assert told == [f"- waiting for process {holder.pid}, which has linux\n"]


def test_a_free_lock_is_taken_without_a_word(tmp_path, capsys):
    with Cache(tmp_path).locked("linux"):
        pass
    assert capsys.readouterr().err == ""


def test_a_holder_that_cannot_be_seen_is_another_process(tmp_path):
    path = tmp_path / "a.lock"
    path.touch()
    assert cache_module._holder(path) == "another process"
