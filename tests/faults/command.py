"""The command line as a process in which faults are injected, and all that it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

MARK = "KMH_FAULT_TEST"
"""A variable that every descendant inherits: it tells ours from those of other tests."""
PATIENCE_SECONDS = 120.0
"""For what must happen at some time; no test asserts how fast it does."""
TRACED = 150_000
"""Bytes of a trace: some steps have been judged."""
STATE = "state"
"""The folder of a case for caches and runtime files of its own."""


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


def eventually(what: str, found: Any) -> Any:
    """The first true value that *found* returns."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not (value := found()):
        assert time.monotonic() < until, f"{what} did not come"
        time.sleep(0.02)
    return value


class Command:
    """One command line that runs, in a folder of its own."""

    def __init__(self, folder: Path, words: tuple[object, ...], **options: Any) -> None:
        self.folder = folder
        self.words = tuple(map(str, words))
        self.mark = f"{folder}-{time.monotonic_ns()}"
        temporary = folder / "tmp"
        temporary.mkdir(exist_ok=True)
        environment = {MARK: self.mark, "TMPDIR": str(temporary), **options.pop("env", {})}
        self.out, self.err = folder / "stdout", folder / "stderr"
        with self.out.open("wb") as out, self.err.open("wb") as err:
            self.process = subprocess.Popen(
                [*options.pop("program", (sys.executable, "-m", "harness")), *self.words],
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=options.pop("stdout", out),
                stderr=options.pop("stderr", err),
                start_new_session=True,
                **options,
            )

    # -- its processes

    def descendants(self) -> dict[int, str]:
        """Every process that has our mark, with its name, whoever is its parent by now."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != self.process.pid:
                try:
                    marks = (entry / "environ").read_bytes().split(b"\0")
                    if f"{MARK}={self.mark}".encode() in marks:
                        found[int(entry.name)] = (entry / "comm").read_text().strip()
                except OSError:
                    continue
        return found

    def child(self, name: str) -> int:
        """The process of a descendant whose name begins with *name*, once there is one."""

        def named() -> int:
            assert self.process.poll() is None, self.ended()
            return next(
                (pid for pid, what in self.descendants().items() if what[:6] == name[:6]), 0
            )

        return int(eventually(name, named))

    def judging(self, trace: Path) -> int:
        """QEMU's process, once steps of the run have been written to *trace*."""
        pid = self.child("qemu-system")
        eventually("a judged step", lambda: trace.exists() and trace.stat().st_size > TRACED)
        return pid

    def send(self, number: signal.Signals) -> None:
        """A signal to the command alone."""
        self.process.send_signal(number)

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> None:
        """A signal to the whole foreground group, as a terminal sends it."""
        os.killpg(self.process.pid, number)

    # -- its end

    def ended(self) -> Ended:
        """Wait for the end."""
        code = self.process.wait(PATIENCE_SECONDS)
        return Ended(code, self.out.read_text(), self.err.read_text())

    def nothing_left(self) -> None:
        """Assert that no process, temporary file or half-made product of ours is left."""
        eventually(f"the end of {self.descendants()}", lambda: not self.descendants())
        assert not list((self.folder / "tmp").iterdir())
        for place in (self.folder / STATE, self.folder / "out"):
            left = [path for path in place.rglob("*") if path.is_socket() or half_made(path)]
            assert not left


def half_made(path: Path) -> bool:
    """Whether a name is that of a product that nobody finished."""
    return ".new-" in path.name or path.name.endswith(".partial")


def value_of(path: Path) -> dict[str, Any]:
    """The JSON that a command has written."""
    value = json.loads(path.read_text(encoding="utf-8"))
    assert isinstance(value, dict)
    return value
