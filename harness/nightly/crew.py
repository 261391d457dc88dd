"""The processes of a fleet: they end with it, and it waits until they have cleaned up."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from signal import SIGTERM
from threading import Lock

from harness.base.parent_death import dying_with_parent

CLEAN_UP_SECONDS = 30.0
"""Seconds for a process that was ended to close its guests and to write what it has."""
LOOK_SECONDS = 0.2
NOT_STARTED = -1


class Crew:
    """Runs processes for several threads until it is stopped."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self.stopped = False

    def run(self, command: Sequence[str | Path], log: Path) -> int:
        """Run *command* with its output in *log*; return its exit code, or NOT_STARTED.

        The process dies with the thread that calls, whatever becomes of this process.
        """
        with self._lock, log.open("wb") as output:
            if self.stopped:
                return NOT_STARTED
            child = subprocess.Popen(
                dying_with_parent(command, SIGTERM),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            self._running.add(child)
        try:
            return self._status(child)
        finally:
            with self._lock:
                self._running.discard(child)

    def _status(self, child: subprocess.Popen[bytes]) -> int:
        """The exit code; a child that does not clean up in time is killed."""
        left = CLEAN_UP_SECONDS
        while True:
            try:
                return child.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                left -= LOOK_SECONDS if self.stopped else 0
                if left <= 0:
                    child.kill()

    def stop(self) -> None:
        """End everything that runs, and start nothing more."""
        with self._lock:
            self.stopped = True
            for child in self._running:
                child.terminate()
