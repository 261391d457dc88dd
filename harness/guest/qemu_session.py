"""One QEMU with its four streams: the common part of a boot and a restore."""

import os
import socket
from collections import deque
from contextlib import ExitStack
from pathlib import Path

from harness.architecture.address_space import CpuState
from harness.architecture.architecture import Architecture
from harness.errors import HarnessError
from harness.guest.console import Console
from harness.guest.deadline import Deadline, host_slowness
from harness.guest.events import Events
from harness.guest.failure import GuestCrashedError, WireError
from harness.guest.health import Silence, diagnose
from harness.guest.link import Link
from harness.guest.memory import (
    MemoryStore,
    PhysicalMemory,
    PrivateMapping,
    SharedFile,
    new_memory_file,
)
from harness.guest.monitor import Monitor
from harness.guest.process import Process
from harness.guest.qemu import Channels, QemuMachine, arguments
from harness.guest.request_script import WitnessTarget
from harness.guest.saved import Saved, load_devices, save_devices
from harness.guest.streams import open_streams
from harness.guest.trouble import KernelTrouble, Recogniser, TroubleKind
from harness.guest.witness import PageTableView, Witness
from harness.model.records.layout import Layout

MONITOR_SECONDS = 20
LOOK_SECONDS = 0.5
"""Seconds between two looks at the first CPU of a booting guest; a look takes 1 ms."""
END_SECONDS = 1.0
"""Seconds for QEMU to end after it has closed its monitor."""
STOPPED = "guest-panicked"
"""The run state of a guest that has written to its stop device (-action panic=pause)."""
LAST_WORDS = 8
_CPU = "a kernel stops like this on a CPU or machine that it is not made for: check the shape"
FATAL = (TroubleKind.PANIC, TroubleKind.DOUBLE_FAULT)


class QemuSession:
    """A started machine.

    Its streams are socket pairs and its memory is a memfd, so that nothing is left on disk. With
    *saved* it waits for ``load``, and maps the saved memory copy-on-write. QEMU ends with the
    thread that made the session.
    """

    def __init__(self, machine: QemuMachine, workdir: Path, saved: Saved | None = None) -> None:
        self.machine = machine
        self._saved = saved
        self._target: WitnessTarget | None = None
        self.views: deque[PageTableView] = deque()
        self._held = ExitStack()
        try:
            self._start(workdir)
        except BaseException:
            self._held.close()
            raise

    @property
    def architecture(self) -> Architecture:
        """The architecture of the machine."""
        return self.machine.shape.architecture

    def witness(self, layout: Layout) -> Witness:
        """Return what reads the mappings of *layout* from outside."""
        return Witness(self.architecture, self.memory, layout)

    def _start(self, workdir: Path) -> None:
        streams = open_streams(self._held, counted=self.machine.shape.icount)
        theirs = [*streams.theirs, *(self._saved or (new_memory_file(self.machine.shape.memory),))]
        self._devices = theirs[-1]
        channels = Channels(*streams.chardevs, f"/proc/self/fd/{theirs[3]}")
        self.events = Events()
        self._held.callback(self.events.close)
        self.process = Process(
            arguments(self.machine, channels),
            theirs,
            workdir / "qemu.log",
            self.architecture.emulated.package,
        )
        self._held.callback(self.process.close)
        store: MemoryStore = (
            PrivateMapping(self.process.pid, theirs[3]) if self._saved else SharedFile(theirs[3])
        )
        self.memory = PhysicalMemory(store, self.machine.shape.memory, self.machine.shape.ram)
        self._held.callback(self.memory.close)
        for fd in theirs:
            os.close(fd)
        self._attend(
            streams.monitor, Console(streams.console, workdir / "console.log"), streams.wire
        )
        if not self._saved:
            self._connect()

    def _attend(self, monitor: socket.socket, console: Console, wire: socket.socket) -> None:
        """Watch the streams of a machine whose process and events are there."""
        self.console = console
        self._recogniser = Recogniser()
        self._troubles: list[KernelTrouble] = []
        self.link = Link(wire, self.events, self.require_alive)
        self.events.on_input(self.console.fileno(), self._console_has_more)
        self.events.on_input(self.process.pidfd, self._ended)
        self.monitor = Monitor(monitor, MONITOR_SECONDS * host_slowness())
        self.process.shutdown_reason = self.monitor.shutdown_reason
        self.monitor.explain = self._explain_silent_monitor
        self._held.callback(self.monitor.close)
        self._monitor_fd = monitor.fileno()

    def _connect(self) -> None:
        try:
            self.monitor.connect()
        except HarnessError:
            self.process.require_alive("as it started")
            raise

    def settle(self, deadline: Deadline) -> None:
        """Leave the guest alone until *deadline*."""
        while not deadline.over():
            self.events.wait(deadline.left())
            self.require_alive("while it was left alone")

    def save(self, memory: Path, devices: Path) -> int:
        """Stop the guest, write its state, and return the number of its next request."""
        self.monitor.stop()
        save_devices(self.monitor, devices)
        self.memory.store.copy_to(memory)
        return self.link.next

    def load(self, request: int) -> None:
        """Load the saved state, whose next request has number *request*, and run."""
        self._connect()
        try:
            load_devices(self.monitor, self._devices)
        except HarnessError:
            self.process.require_alive("as it was restored")
            raise
        self.link.resume(request)
        self.events.on_input(self._monitor_fd, self._monitor_has_news)

    # -- watching

    def _console_has_more(self) -> None:
        self.console.pump()
        if self.console.closed:
            self.events.forget(self.console.fileno())
        for line in self.console.fresh():
            self._recogniser.feed(line)

    def _monitor_has_news(self) -> None:
        """Note that a restored guest has ended: its QEMU stays, and keeps its memory."""
        try:
            self.process.guest_ended = self.monitor.status() == "shutdown"
        except HarnessError:
            self.events.forget(self._monitor_fd)
        if self.process.guest_ended:
            self.events.forget(self._monitor_fd)

    def _explain_silent_monitor(self, doing: str) -> None:
        """Raise what QEMU's end means: its streams break a moment before it is gone."""
        self.process.await_end(END_SECONDS)
        self.require_alive(doing)

    def look_at_stops(self, target: WitnessTarget) -> None:
        """Look at *target* whenever the guest has stopped itself, and let it continue."""
        self._target = target
        self.events.on_input(self._monitor_fd, self._look_if_stopped)

    def _look_if_stopped(self) -> None:
        if self._target is not None and self.monitor.status() == STOPPED:
            layout, pkmap_count = self._target
            self.views.append(self.witness(layout).look(self.monitor, pkmap_count))

    def _ended(self) -> None:
        """Stop watching QEMU, which is gone; the next ``require_alive`` raises."""
        self.events.forget(self.process.pidfd)

    def require_alive(self, doing: str = "while an answer was awaited") -> None:
        """Raise an error with the kernel's last words if QEMU has ended."""
        if self.process.status() is None:
            return
        died_of = self._died_of()
        told = f": {died_of}" if died_of else ""
        try:
            self.process.require_alive(doing)
        except HarnessError as error:
            raise type(error)(
                f"{error.message}{told}{self.last_words()}", hint=error.hint
            ) from None

    def drain(self) -> None:
        """Read what the console has by now."""
        self._console_has_more()

    def await_console(self, step: int, deadline: Deadline) -> None:
        """Wait for the console's marker of *step*: printing may lag behind, on RT in a thread of
        its own.
        """
        self.drain()
        while self._recogniser.marked < step and not deadline.over():
            self.events.wait(deadline.left())
            self.require_alive("while the console was awaited")

    def await_said(self, words: str, deadline: Deadline) -> None:
        """Wait for a whole line with *words* among the last ones of the console."""
        self.drain()
        while not deadline.over() and not any(
            words in line for line in self.console.ended(LAST_WORDS)
        ):
            self.events.wait(deadline.left())
            self.require_alive("while the console was awaited")

    def troubles(self, *, whole: bool = False, marked: bool = False) -> tuple[KernelTrouble, ...]:
        """Return reports of trouble since the last call; with *marked* only those that name their
        step.
        """
        self._gather(whole=whole, marked=marked)
        taken, self._troubles = tuple(self._troubles), []
        return taken

    def troubles_so_far(self) -> tuple[KernelTrouble, ...]:
        """Return reports of trouble that nobody has taken yet; they stay."""
        self._gather(whole=False)
        return tuple(self._troubles)

    def _gather(self, *, whole: bool, marked: bool = False) -> None:
        self.drain()
        self._troubles += self._recogniser.take(whole=whole, marked=marked)

    def _died_of(self) -> str:
        """Return the title of the kernel's last fatal report, or nothing."""
        self._gather(whole=True)
        fatal = [trouble.title for trouble in self._troubles if trouble.kind in FATAL]
        return fatal[-1] if fatal else ""

    def last_words(self) -> str:
        """Return the end of the console, as lines to append to a message."""
        lines = [line for line in self.console.tail(LAST_WORDS) if line.strip()]
        return "".join(f"\n    console: {line}" for line in lines)

    def silent(self, doing: str, damaged_before: int) -> HarnessError:
        """Return the error that says why no answer came."""
        if self.link.damaged_since(damaged_before):
            return WireError(
                f"the wire was damaged {doing} and not repaired in time: {self.link.statistics}",
                hint="the host's fault or QEMU's, not the kernel's",
            )
        self.require_alive(doing)
        if not self.process.stopped():
            self._monitor_has_news()
            self.require_alive(doing)
        diagnosis = diagnose(self.process, self.monitor, self.architecture.cpu)
        if diagnosis.silence is not Silence.PAUSED and (died_of := self._died_of()):
            return GuestCrashedError(
                f"{died_of} ({doing}){self.last_words()}", hint="see the console log"
            )
        error = diagnosis.error(doing)
        return type(error)(f"{error.message}{self.last_words()}", hint=error.hint)

    def await_agent(self, deadline: Deadline) -> None:
        """Wait for the agent; raises an error that says what the guest does instead."""
        looks: list[CpuState] = []
        inspection = self.architecture.cpu
        while not self._agent_up(deadline):
            self._look_if_stopped()
            if deadline.over():
                raise self.silent(f"before the agent was up, for {deadline.seconds:.0f} s", 0)
            if not self.machine.shape.icount:
                looks.append(inspection.read_registers(self.monitor.registers())[0])
            if why := inspection.why_boot_stopped(looks):
                raise GuestCrashedError(
                    f"the kernel gave up before the agent was up: {why}{self.last_words()}",
                    hint=_CPU,
                )

    def _agent_up(self, deadline: Deadline) -> bool:
        """Tell whether the agent says that it is, within LOOK_SECONDS."""
        try:
            self.link.await_ready(deadline.part(LOOK_SECONDS))
        except TimeoutError:
            return False
        return True

    def close(self) -> None:
        """End QEMU and release everything."""
        self.process.kill()
        self.console.close()
        self._held.close()
