"""Every wait has a deadline with a name, and what was waited for does not go on alone."""

import ast
import os
import socket
import sys
import time
from pathlib import Path

import pytest

from harness.base import host
from harness.base.cache import Cache, CacheFullError
from harness.base.child import LateError, Wait, run_child
from harness.guest.failure import QemuExitedError
from harness.guest.monitor import Monitor
from harness.kernel.apt import Archive, UnreachableError
from harness.kernel.package import FetchError
from tests.house.source_tree import modules

FOREVER = [sys.executable, "-c", "import time; time.sleep(600)"]
FAMILY = [
    sys.executable,
    "-c",
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "open(sys.argv[1], 'w').write(str(child.pid))\n"
    "time.sleep(600)",
]
SUBPROCESS = frozenset({"run", "call", "check_call", "check_output"})
FUTURES = frozenset({"future", "one"})
OPEN_ENDED = frozenset(
    {
        ("harness.base.child", "wait"),  # a timer ends the process
        ("harness.guest.process", "wait"),  # after SIGKILL
        ("harness.guest.ssh.launch", "wait"),  # after SIGKILL
        ("harness.bench.scale", "wait"),  # a barrier with a deadline of its own
    }
)
"""Waits without a deadline, each with the reason why it ends."""


def waits(tree):
    """Calls that wait and have no deadline: by name, and whether they have a timeout."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        name, words = node.func.attr, {word.arg for word in node.keywords}
        of = node.func.value.id if isinstance(node.func.value, ast.Name) else ""
        if of == "subprocess" and name in SUBPROCESS and "timeout" not in words:
            yield name
        if name in ("wait", "communicate", "acquire") and not node.args and "timeout" not in words:
            yield name
        if name == "select" and of == "select" and len(node.args) < 4:
            yield name
        if name == "result" and of in FUTURES and not node.args and "timeout" not in words:
            yield name


def test_every_wait_in_the_tree_has_a_deadline():
    found = {(name, one) for name, tree in modules().items() for one in waits(tree)}
    assert found <= OPEN_ENDED


@pytest.mark.parametrize(
    "text",
    [
        "subprocess.run(['x'])",
        "process.wait()",
        "process.communicate()",
        "lock.acquire()",
        "select.select([], [], [])",
        "future.result()",
    ],
)
def test_a_wait_without_a_deadline_is_found(text):
    assert list(waits(ast.parse(text)))


def test_a_child_that_does_not_end_is_named():
    with pytest.raises(LateError, match=r"the slow one did not end within 0 s"):
        run_child(FOREVER, Wait("the slow one", 0.3))


def test_a_late_child_takes_its_own_children_along(tmp_path):
    note = tmp_path / "pid"
    with pytest.raises(LateError):
        run_child([*FAMILY, note], Wait("a family", 3.0))
    gone(int(note.read_text()))


def test_what_the_watch_raises_ends_the_child(tmp_path):
    note = tmp_path / "pid"

    def watch():
        if note.exists() and note.read_text():
            raise CacheFullError(tmp_path, "while it was watched")

    with pytest.raises(CacheFullError):
        host.run([*FAMILY, note], Wait("a family"), watch)
    gone(int(note.read_text()))


def gone(pid):
    until = time.monotonic() + 60
    while Path(f"/proc/{pid}").exists() and state(pid) != "Z":
        assert time.monotonic() < until
        time.sleep(0.02)


def state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_input_and_output_of_a_child():
    done = run_child(["cat"], Wait("cat"), text=b"x" * 300_000)
    assert (done.returncode, len(done.stdout)) == (0, 300_000)


@pytest.mark.parametrize("greeting", [b"", b'{"QMP": {"version"'])
def test_a_monitor_that_never_greets(greeting):
    """The connect had no deadline: ``run`` hung for ever."""
    mine, other = socket.socketpair()
    with other:
        other.sendall(greeting)
        monitor = Monitor(mine, 0.3)
        with pytest.raises(QemuExitedError, match="does not greet"):
            monitor.connect()
        monitor.close()


def test_a_monitor_whose_qemu_is_gone():
    mine, other = socket.socketpair()
    other.close()
    monitor = Monitor(mine, 5.0)
    with pytest.raises(QemuExitedError, match="does not greet"):
        monitor.connect()
    monitor.close()


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("E: Could not resolve 'deb.debian.org'", UnreachableError),
        ("E: Temporary failure resolving 'deb.debian.org'", UnreachableError),
        ("E: Cannot initiate the connection: Network is unreachable", UnreachableError),
        ("E: 404  Not Found", FetchError),
        ("E: write: No space left on device", CacheFullError),
    ],
)
def test_a_name_that_is_not_resolved_ends_all_downloads(tmp_path, said, kind):
    """16 downloads were tried, for 115 s."""
    archive = Archive(Cache(tmp_path), "bookworm")
    with pytest.raises(kind) as told:
        archive._explain_failure("linux 6.1", said)
    assert isinstance(told.value, FetchError) is (kind is FetchError)


def test_apt_ends_before_the_disk_is_full(tmp_path, monkeypatch):
    archive = Archive(Cache(tmp_path), "bookworm")
    usage = os.statvfs(tmp_path)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("U", (), {"free": 1000})())
    assert usage.f_bavail
    with pytest.raises(CacheFullError):
        archive._watch_space()
