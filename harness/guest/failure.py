"""Failures of a running guest, told apart by whose fault they are."""

from harness.errors import InfrastructureError, KernelError, PrerequisiteError


class QemuMissingError(PrerequisiteError):
    """The emulator, or an accelerator that was asked for, is not on this host."""


class QemuExitedError(InfrastructureError):
    """The emulator ended by itself or was killed while the guest was needed."""


class GuestPausedError(InfrastructureError):
    """The virtual machine does not run: somebody stopped it, or QEMU did after an I/O error."""


class GuestStarvedError(InfrastructureError):
    """The host gave the emulator too little CPU time; says nothing about the kernel."""


class WireError(InfrastructureError):
    """The link to the agent is damaged beyond repair, or an answer contradicts the protocol."""


class AgentError(InfrastructureError):
    """The agent or the module refused a request: a negative errno came back."""

    def __init__(self, message: str, *, errno: int, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.errno = errno


class GuestCrashedError(KernelError):
    """The kernel panicked or rebooted: QEMU's SHUTDOWN event says that the guest did it."""


class GuestLoopingError(KernelError):
    """A CPU of the guest runs with interrupts off and does not come back."""


class GuestHungError(KernelError):
    """The guest is alive and has CPU time, yet the answer does not come."""
