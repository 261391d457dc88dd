"""QEMU's monitor (QMP), one command at a time."""

import re
import socket
from typing import Any, NamedTuple

from qemu.qmp import QMPError
from qemu.qmp.legacy import QEMUMonitorProtocol

from harness.guest.failure import QemuExitedError

_REGISTERS = re.compile(r"CPU#(\d+)(.*?)(?=CPU#|\Z)", re.DOTALL)
_FIELD = re.compile(r"\b(EIP|EFL|CR3|CR4|HLT|CPL)=\s*([0-9a-f]+)", re.IGNORECASE)

INTERRUPTS_ON = 0x200
CR4_PAE = 0x20


class CpuRegisters(NamedTuple):
    """What matters of one CPU's registers, from HMP ``info registers -a``."""

    cpu: int
    eip: int
    eflags: int
    cr3: int
    cr4: int
    halted: bool

    @property
    def interrupts(self) -> bool:
        """EFLAGS.IF."""
        return bool(self.eflags & INTERRUPTS_ON)

    @property
    def pae(self) -> bool:
        """CR4.PAE: page tables have three levels."""
        return bool(self.cr4 & CR4_PAE)


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

    def registers(self) -> tuple[CpuRegisters, ...]:
        """Registers of every CPU."""
        return parse_registers(self.human("info registers -a"))

    def close(self) -> None:
        """Hang up; QEMU may be gone already."""
        try:
            self._qmp.close()
        except (TimeoutError, QMPError, OSError, EOFError):
            return


def parse_registers(text: str) -> tuple[CpuRegisters, ...]:
    """The registers of every CPU in the output of ``info registers -a``."""
    cpus = []
    for number, block in _REGISTERS.findall(text):
        values = {name.upper(): int(value, 16) for name, value in _FIELD.findall(block)}
        cpus.append(
            CpuRegisters(
                int(number),
                values["EIP"],
                values["EFL"],
                values["CR3"],
                values["CR4"],
                bool(values.get("HLT")),
            )
        )
    return tuple(cpus)
