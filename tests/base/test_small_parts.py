"""Remembered values, fingerprints, the stopwatch, children that die with their parent."""

import json
import os
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

from harness.base import memo as memo_module
from harness.base import stopwatch as stopwatch_module
from harness.base.cache import Cache
from harness.base.fingerprint import digest_of, harness_fingerprint, key_of
from harness.base.memo import Memo
from harness.base.stopwatch import Stopwatch

PARENT = """
import subprocess
from harness.base.parent_death import dying_with_parent
subprocess.Popen(dying_with_parent(["sh", "-c", "echo $$; exec sleep 60"]))
input()
"""
FORKED = """
import os, time
from harness.base.parent_death import die_with_parent
child = os.fork()
if not child:
    die_with_parent(os.getppid())
    print(os.getpid(), flush=True)
    time.sleep(60)
input()
"""


def test_a_value_is_remembered_by_its_key(tmp_path):
    memo = Memo(Cache(tmp_path), "things")
    assert memo.load("a") is None
    memo.save("a", {"x": 1})
    assert memo.load("a") == {"x": 1}


def test_a_value_that_cannot_be_read_counts_as_none(tmp_path):
    memo = Memo(Cache(tmp_path), "things")
    memo.save("a", {"x": 1})
    (tmp_path / "things" / "a.json").write_text('{"x"')
    assert memo.load("a") is None
    (tmp_path / "things" / "a.json").write_text(json.dumps([1]))
    assert memo.load("a") is None


def test_the_least_recently_used_value_is_deleted(tmp_path, monkeypatch):
    monkeypatch.setattr(memo_module, "MOST", 2)
    memo = Memo(Cache(tmp_path), "things")
    for age, name in enumerate("abc"):
        memo.save(name, {"name": name})
        os.utime(tmp_path / "things" / f"{name}.json", (age + 1, age + 1))
    memo.load("b")
    memo.save("d", {"name": "d"})
    assert [name for name in "abcd" if memo.load(name)] == ["b", "d"]


def test_a_key_tells_where_its_parts_end():
    assert key_of(("ab", "c")) != key_of(("a", "bc"))
    assert key_of(("a", "b")) != key_of(("b", "a"))


def test_a_digest_changes_with_names_and_contents(tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("x")
    before = digest_of([one])
    one.rename(two)
    assert digest_of([two]) != before
    two.rename(one)
    assert digest_of([one]) == before
    one.write_text("y")
    assert digest_of([one]) != before


def test_the_fingerprint_of_the_harness_is_the_same_in_another_process():
    script = "from harness.base.fingerprint import harness_fingerprint as f; print(f())"
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == harness_fingerprint()


def test_a_phase_that_is_entered_again_adds_up(monkeypatch):
    ticks = count()
    monkeypatch.setattr(stopwatch_module.time, "monotonic", lambda: float(next(ticks)))
    watch = Stopwatch()
    for name in ("a", "b", "a"):
        with watch.phase(name):
            pass
    assert watch.seconds == {"a": 2.0, "b": 1.0}


def gone(pid):
    """Whether the process ends within some seconds; nobody may be there to take its status."""
    stat = Path(f"/proc/{pid}/stat")
    for _ in range(100):
        if not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z":
            return True
        time.sleep(0.1)
    return False


def killed_parent_of(script):
    """The process id that *script* prints, after the parent that runs it was killed."""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    return pid


def test_a_command_dies_with_its_parent():
    assert gone(killed_parent_of(PARENT))


def test_a_forked_process_dies_with_its_parent():
    assert gone(killed_parent_of(FORKED))
