"""QEMU as a process: started, watched by pidfd, ended for certain."""

import os
import select
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO

from harness.base.parent_death import dying_with_parent
from harness.guest.failure import GuestCrashedError, QemuExitedError, QemuMissingError

TICKS = os.sysconf("SC_CLK_TCK")
BY_GUEST = "guest-"
"""How the reasons of QEMU's ShutdownCause begin that the guest gave (qapi/run-state.json)."""
_SIGNALLED = "terminating on signal"
"""The line that QEMU logs when SIGTERM, SIGHUP or SIGINT ends it: it then exits with status 0."""


def _nothing_said() -> str:
    """The reason of a QEMU whose monitor nobody has."""
    return ""


class Process:
    """One QEMU.  Its stderr goes to a file in the work folder and is quoted when it dies.

    It also dies with the thread that started it: keep that thread alive as long as the guest.
    ``shutdown_reason`` asks for the reason of QEMU's SHUTDOWN event, empty where there was none.
    """

    shutdown_reason: Callable[[], str] = staticmethod(_nothing_said)

    def __init__(
        self, command: Sequence[str], inherit: Sequence[int], stderr: Path, package: str
    ) -> None:
        self.command = tuple(command)
        self.package = package
        self.started = time.monotonic()
        self._stderr = stderr
        self.guest_ended = False
        with stderr.open("wb") as errors:
            self._child = self._start(inherit, errors)
        self.pidfd = os.pidfd_open(self._child.pid)

    def _start(self, inherit: Sequence[int], errors: IO[bytes]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                dying_with_parent(self.command),
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
                pass_fds=tuple(inherit),
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise QemuMissingError(
                f"{error.filename} cannot be started",
                hint=f"install {self.package} and util-linux",
            ) from error

    @property
    def pid(self) -> int:
        """QEMU's process id."""
        return self._child.pid

    def status(self) -> int | None:
        """None while QEMU runs; then its exit status, negative for a signal.

        0 also for one that lingers, its guest having ended (``-no-shutdown``).
        """
        status = self._child.poll()
        return 0 if status is None and self.guest_ended else status

    def require_alive(self, doing: str) -> None:
        """Raise GuestCrashedError, QemuMissingError or QemuExitedError if QEMU has ended.

        The exit status alone says nothing of the guest: QEMU ends with 0 when its guest resets,
        and when a signal ends it.
        """
        status = self.status()
        if status is None:
            return
        said, reason = self.stderr(), self.shutdown_reason()
        if status == 127 and said.startswith("setpriv:"):
            raise QemuMissingError(said, hint=f"install {self.package}")
        if reason.startswith(BY_GUEST):
            raise GuestCrashedError(
                f"the guest rebooted or panicked {doing} (QEMU says: {reason})",
                hint="the console log shows the last words of the kernel",
            )
        if reason or _SIGNALLED in said:
            raise QemuExitedError(
                f"QEMU was ended from outside {doing}: {said or reason}",
                hint="nothing is known about the kernel; find who ended QEMU, and run again",
            )
        raise QemuExitedError(
            f"QEMU ended with {_meaning(status)} {doing}: {said or 'it said nothing'}",
            hint="nothing is known about the kernel; see the host's log, and run again",
        )

    def stderr(self) -> str:
        """The output of QEMU so far, at most the last 2,000 characters."""
        return self._stderr.read_text(errors="replace").strip()[-2000:]

    def cpu_seconds(self) -> float:
        """CPU time of QEMU and its threads so far (utime + stime of /proc/PID/stat, proc(5))."""
        fields = self._stat()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def stopped(self) -> bool:
        """Tell whether a signal (SIGSTOP, a debugger) has stopped QEMU itself."""
        return self._stat()[0] in "Tt"

    def _stat(self) -> list[str]:
        """The fields of /proc/PID/stat from the third (state) on."""
        return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()

    def await_end(self, seconds: float) -> None:
        """Wait until QEMU has ended, at most *seconds*."""
        select.select([self.pidfd], [], [], seconds)

    def kill(self) -> None:
        """End QEMU now and take its status."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()

    def close(self) -> None:
        """Kill and release everything."""
        self.kill()
        if self.pidfd >= 0:
            os.close(self.pidfd)
            self.pidfd = -1


def _meaning(status: int) -> str:
    return f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
