"""A guest that runs on its own, used for a while as if it had been booted here."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from harness.errors import UsageError
from harness.guest.console import Console
from harness.guest.deadline import Deadline
from harness.guest.events import Events
from harness.guest.failure import GuestCrashedError, QemuExitedError
from harness.guest.frame import Frame, FrameType, encode
from harness.guest.memory import PhysicalMemory, SharedFile
from harness.guest.process import BY_GUEST, Process
from harness.guest.qemu import QemuMachine
from harness.guest.qemu_session import FATAL, QemuSession
from harness.guest.running_guest import Guest
from harness.guest.ssh.guest_state import IMAGE, GuestState
from harness.guest.trouble import Recogniser

ATTACH_SECONDS = 20.0
HELLO_SECONDS = 1.0
"""Seconds between two questions to an agent that does not answer yet."""
LOCK_SECONDS = 2.0


class ForeignProcess(Process):
    """A QEMU that another process started: watched by pidfd, but not ended from here."""

    def __init__(self, state: GuestState) -> None:
        self.command = tuple(Path(f"/proc/{state.pid}/cmdline").read_text().split("\0")[:-1])
        self.package = state.shape.architecture.emulated.package
        self.started = 0.0
        self._state = state
        self._stderr = state.folder / "qemu.log"
        self.pidfd = os.pidfd_open(state.pid)

    @property
    def pid(self) -> int:
        """QEMU's process id."""
        return self._state.pid

    def status(self) -> int | None:
        """None while QEMU runs; then 0, since only a parent learns the status."""
        return None if self._state.alive() else 0

    def require_alive(self, doing: str) -> None:
        """Raise GuestCrashedError if the guest ended QEMU, or after a panic on the console; else
        QemuExitedError.
        """
        if self.status() is None:
            return
        by_guest = self.shutdown_reason().startswith(BY_GUEST)
        if by_guest or panicked(self._state.folder / "console.log"):
            raise GuestCrashedError(f"the guest panicked {doing}", hint="see the console log")
        said = self.stderr() or "it said nothing, and the kernel nothing of a panic"
        raise QemuExitedError(f"QEMU ended {doing}: {said}", hint="start the guest again")

    def kill(self) -> None:
        """Do nothing: the guest runs on."""


def panicked(console: Path) -> bool:
    """Tell whether a console's log has the kernel's end."""
    recogniser = Recogniser()
    for line in console.read_text(errors="replace").splitlines() if console.exists() else ():
        recogniser.feed(line)
    return any(trouble.kind in FATAL for trouble in recogniser.take(whole=True))


class AttachedSession(QemuSession):
    """The streams of a running guest; a lock in its folder admits one user at a time."""

    def __init__(self, state: GuestState) -> None:
        self._state = state
        machine = QemuMachine(state.shape, state.boot_image, state.folder / IMAGE, state.modules)
        super().__init__(machine, state.folder)

    def _start(self, workdir: Path) -> None:
        state = self._state
        self._held.enter_context(_alone(state))
        self.process = _process(state)
        self._held.callback(self.process.close)
        self.events = Events()
        self._held.callback(self.events.close)
        monitor, console, wire = (
            self._held.enter_context(_connected(state, name))
            for name in ("monitor", "console", "wire")
        )
        with Path(f"/proc/{state.pid}/fd/{state.memory_fd}").open("rb") as memory:
            self.memory = PhysicalMemory(
                SharedFile(memory.fileno()), state.shape.memory, state.shape.ram
            )
        self._held.callback(self.memory.close)
        self._wire = wire
        self._attend(monitor, Console(console, workdir / "console.attached.log"), wire)
        self._connect()

    def await_agent(self, deadline: Deadline) -> None:
        """Ask the agent where it stands: once it has heard from a host it says READY only when
        asked.
        """
        hello = encode(Frame(FrameType.RESEND, 0))
        while not deadline.over():
            with suppress(TimeoutError, BlockingIOError):
                self._wire.send(hello)
                self.link.await_ready(Deadline.after("hello", min(HELLO_SECONDS, deadline.left())))
                return
        raise self.silent(f"before the agent answered, for {deadline.seconds:.0f} s", 0)


class AttachedGuest(Guest):
    """A running guest with its module loaded; ``close`` leaves it running."""

    def __init__(self, session: QemuSession) -> None:
        super().__init__(session)
        self.synchronise()


def attach(state: GuestState) -> AttachedGuest:
    """Return the guest of *state*, ready for requests; it runs on after the context manager's end.

    Raises UsageError when another command has it, and what :class:`Guest` raises.
    """
    session = AttachedSession(state)
    try:
        session.await_agent(Deadline.after("attach", ATTACH_SECONDS))
        return AttachedGuest(session)
    except BaseException:
        session.close()
        raise


@contextmanager
def _alone(state: GuestState) -> Iterator[None]:
    lock = FileLock(state.folder / "wire.lock")
    try:
        lock.acquire(timeout=Deadline.after("lock", LOCK_SECONDS).seconds)
    except Timeout:
        raise UsageError(
            f"the wire of the guest {state.name!r} is in use by another command",
            hint="wait until that one has ended",
        ) from None
    try:
        yield
    finally:
        lock.release()


def _process(state: GuestState) -> ForeignProcess:
    try:
        return ForeignProcess(state)
    except OSError as error:
        raise QemuExitedError(
            f"the guest {state.name!r} has ended: {error}", hint="start it again"
        ) from error


def _connected(state: GuestState, name: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(state.socket(name)))
    except OSError as error:
        connection.close()
        raise QemuExitedError(
            f"the guest {state.name!r} has no {name} any more: {error}", hint="start it again"
        ) from error
    return connection
