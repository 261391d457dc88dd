"""A guest's state outside of any process: its memory as a file, its devices beside it.

QEMU's migration with ``x-ignore-shared`` writes the devices only; the memory file is copied
once and later mapped copy-on-write by every restored guest (docs/performance.md).
"""

import os
import time
from pathlib import Path
from typing import NamedTuple, Self

from harness.guest.deadline import Deadline
from harness.guest.failure import QemuExitedError
from harness.guest.monitor import Monitor

MIGRATION_SECONDS = 20
POLL_SECONDS = 0.002
_CAPABILITIES = [{"capability": "x-ignore-shared", "state": True}]


class Saved(NamedTuple):
    """Open files of a saved guest: they stay good when their folder is removed."""

    memory: int
    devices: int

    @classmethod
    def open(cls, memory: Path, devices: Path) -> Self:
        """Open both.  Raises FileNotFoundError where one is gone."""
        fd = os.open(memory, os.O_RDWR | os.O_CLOEXEC)
        try:
            return cls(fd, os.open(devices, os.O_RDONLY | os.O_CLOEXEC))
        except OSError:
            os.close(fd)
            raise

    def close(self) -> None:
        """Close both."""
        os.close(self.memory)
        os.close(self.devices)


def save_devices(monitor: Monitor, path: Path) -> None:
    """Write the state of everything but the memory of a stopped guest to *path*."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        monitor.command("migrate-set-capabilities", capabilities=_CAPABILITIES)
        monitor.command("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
        monitor.send_file(fd, "devices")
        monitor.command("migrate", uri="fd:devices")
        _await(monitor, "saving")
    finally:
        os.close(fd)


def load_devices(monitor: Monitor, fd: int) -> None:
    """Load the state from *fd*, a number that QEMU has inherited, and let the guest run."""
    monitor.command("migrate-set-capabilities", capabilities=_CAPABILITIES)
    monitor.command("migrate-incoming", uri=f"fd:{fd}")
    _await(monitor, "restoring")
    monitor.resume()


def _await(monitor: Monitor, doing: str) -> None:
    deadline = Deadline.after(doing, MIGRATION_SECONDS)
    while (status := monitor.command("query-migrate").get("status")) != "completed":
        if status == "failed" or deadline.over():
            raise QemuExitedError(
                f"{doing} a guest's state ended with {status}", hint="see qemu.log"
            )
        time.sleep(POLL_SECONDS)


def copy_memory(source: int, target: Path) -> None:
    """Copy a memory file, holes left out."""
    size = os.fstat(source).st_size
    out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        os.ftruncate(out, size)
        end = 0
        while (start := _next_data(source, end)) is not None:
            end = os.lseek(source, start, os.SEEK_HOLE)
            _copy_range(source, out, start, end)
    finally:
        os.close(out)


def _next_data(fd: int, at: int) -> int | None:
    try:
        return os.lseek(fd, at, os.SEEK_DATA)
    except OSError:
        return None


def _copy_range(source: int, out: int, start: int, end: int) -> None:
    os.lseek(out, start, os.SEEK_SET)
    while start < end:
        start += os.sendfile(out, source, start, end - start)
