"""QEMU's monitor (QMP), one command at a time."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from qemu.qmp import QMPError, Runstate
from qemu.qmp.legacy import QEMUMonitorProtocol

from harness.base.signals import ending_later
from harness.guest.failure import QemuExitedError

LAST_WORDS_SECONDS = 1.0
"""Seconds for the rest of what a QEMU that has ended had written."""
HANG_UP_SECONDS = 5.0


_Result = TypeVar("_Result")


class _Protocol(QEMUMonitorProtocol):
    """The library's client, with a deadline also where it has none: greeting and hanging up.

    A signal that ends the command cancels what is awaited.
    """

    def greet(self, seconds: float) -> None:
        """Connect and negotiate."""
        self._qmp.await_greeting = self._qmp.negotiate = True
        self._sync(self._qmp.connect(self._address), seconds)

    def hang_up(self, seconds: float) -> None:
        """Close the connection."""
        self._sync(self._qmp.disconnect(), seconds)

    def read_rest(self, seconds: float) -> None:
        """Take in everything that has come, up to the end of a connection that was closed."""
        until = time.monotonic() + seconds
        while self._qmp.runstate is Runstate.RUNNING and time.monotonic() < until:
            self._sync(asyncio.sleep(0.001))

    def _sync(self, future: Awaitable[_Result], timeout: float | None = None) -> _Result:
        loop = self._aloop
        task = loop.create_task(asyncio.wait_for(future, timeout))
        with ending_later(lambda: loop.call_soon_threadsafe(task.cancel)):
            return loop.run_until_complete(task)


def _unexplained(doing: str) -> None:
    """Know nothing of QEMU's end."""
    del doing


class Monitor:
    """A connected monitor.

    It dies only with QEMU.  ``explain`` is then called, and raises what is known of QEMU's end;
    else a failure is QemuExitedError.
    """

    explain: Callable[[str], None] = staticmethod(_unexplained)

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        with ending_later():  # it makes an event loop
            self._qmp = _Protocol(connection)
        self._seconds = seconds
        self._reason = ""

    def connect(self) -> None:
        """Greet and negotiate."""
        try:
            self._qmp.settimeout(self._seconds)
            self._qmp.greet(self._seconds)
        except (TimeoutError, QMPError, OSError) as error:
            raise QemuExitedError(f"QEMU's monitor does not greet: {error!r}") from error

    def command(self, name: str, **arguments: Any) -> Any:  # noqa: ANN401 (JSON)
        """Run one QMP command and give its ``return`` value."""
        try:
            return self._qmp.cmd(name, **arguments)
        except (TimeoutError, QMPError, OSError) as error:
            self.explain(f"at the monitor's {name}")
            raise QemuExitedError(f"QEMU's monitor failed at {name}: {error!r}") from error

    def send_file(self, fd: int, name: str) -> None:
        """Hand an open file over, to be known to QEMU as *name*."""
        self._qmp.send_fd_scm(fd)
        self.command("getfd", fdname=name)

    def human(self, line: str) -> str:
        """Run a line of the human monitor."""
        return str(self.command("human-monitor-command", **{"command-line": line}))

    def stop(self) -> None:
        """Stop all CPUs; memory is still and whole from then on."""
        self.command("stop")

    def resume(self) -> None:
        """Let the CPUs run."""
        self.command("cont")

    def status(self) -> str:
        """RunState: ``running``, ``paused``, ``io-error``, ..."""
        return str(self.command("query-status")["status"])

    def shutdown_reason(self) -> str:
        """Return the reason of the first SHUTDOWN event, as ``guest-reset``; empty if none came.

        Call it of a QEMU that has ended, or whose status is ``shutdown``.
        """
        self._take_events()
        if not self._reason:
            self._qmp.read_rest(LAST_WORDS_SECONDS)
            self._take_events()
        return self._reason

    def _take_events(self) -> None:
        while not self._reason and (event := self._qmp.pull_event()):
            if event["event"] == "SHUTDOWN":
                self._reason = str(event["data"]["reason"])

    def registers(self) -> str:
        """Return the registers of every CPU as QEMU prints them."""
        return self.human("info registers -a")

    def close(self) -> None:
        """Hang up; QEMU may be gone already."""
        try:
            self._qmp.hang_up(HANG_UP_SECONDS)
        except (TimeoutError, QMPError, OSError, EOFError):
            return
