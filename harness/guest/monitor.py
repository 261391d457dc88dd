"""QEMU's monitor (QMP), one command at a time."""

import socket
from typing import Any

from qemu.qmp import QMPError
from qemu.qmp.legacy import QEMUMonitorProtocol

from harness.guest.failure import QemuExitedError


class Monitor:
    """A connected monitor.  Every failure is QemuExitedError: the monitor dies only with QEMU."""

    def __init__(self, connection: socket.socket, seconds: float) -> None:
        self._qmp = QEMUMonitorProtocol(connection)
        self._seconds = seconds

    def connect(self) -> None:
        """Greet and negotiate."""
        try:
            self._qmp.settimeout(self._seconds)
            self._qmp.connect()
        except (TimeoutError, QMPError, OSError) as error:
            raise QemuExitedError(f"QEMU's monitor does not greet: {error!r}") from error

    def command(self, name: str, **arguments: Any) -> Any:  # noqa: ANN401 (JSON)
        """Run one QMP command and give its ``return`` value."""
        try:
            return self._qmp.cmd(name, **arguments)
        except (TimeoutError, QMPError, OSError) as error:
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

    def registers(self) -> str:
        """Return the registers of every CPU as QEMU prints them."""
        return self.human("info registers -a")

    def close(self) -> None:
        """Hang up; QEMU may be gone already."""
        try:
            self._qmp.close()
        except (TimeoutError, QMPError, OSError, EOFError):
            return
