"""Restored guests without waiting: QEMU processes stand ready to load a template's state."""

from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.guest.booting import restore_guest
from harness.guest.qemu_session import QemuSession
from harness.guest.running_guest import Guest
from harness.guest.template import Template


class GuestPool:
    """Keeps *ready* processes started in which no guest runs yet; a context manager.

    Each guest has a folder of its own below *workdir*. QEMU ends with the thread that made the
    pool.
    """

    def __init__(self, template: Template, workdir: Path, ready: int = 1) -> None:
        self._template = template
        self._workdir = workdir
        self._ready = ready
        self._started = 0
        self._waiting: deque[QemuSession] = deque()
        self._fill()

    def take(self) -> Guest:
        """Return the next guest, which the caller closes, and start the process for the one after
        it.
        """
        self._fill()
        guest = restore_guest(self._waiting.popleft(), self._template.request)
        self._fill()
        return guest

    def _fill(self) -> None:
        while len(self._waiting) < self._ready:
            folder = self._workdir / str(self._started)
            folder.mkdir(parents=True, exist_ok=True)
            self._waiting.append(self._template.start(folder))
            self._started += 1

    def close(self) -> None:
        """End the processes that nobody has taken."""
        while self._waiting:
            self._waiting.popleft().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
