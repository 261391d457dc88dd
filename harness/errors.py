"""The error tree of the project.

::

    HarnessError
    ├── UsageError            the user asked for something that cannot be (exit 2)
    ├── PrerequisiteError     something that must be installed or reachable is not (exit 2)
    ├── KernelError           the kernel under test crashed, hung or lied (exit 1)
    └── InfrastructureError   the harness, QEMU or the host failed (exit 3)

Every message says what happened, where, and (``hint``) what to do next.  Rooms
derive their own classes from these four; the top level of the command line maps
them to exit codes and nothing else catches them broadly.
"""


class HarnessError(Exception):
    """Root of everything this project raises on purpose."""

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[object, ...]:
        """Whole on the other side of a process border, whatever its class is made from."""
        return _unpickled, (type(self), self.args, self.__dict__)


def _unpickled(
    kind: type[HarnessError], arguments: tuple[object, ...], state: dict[str, object]
) -> HarnessError:
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(state)
    return error


class UsageError(HarnessError):
    """Wrong use: an unknown name, a missing file, a syntax error."""

    exit_code = 2


class PrerequisiteError(HarnessError):
    """A program, package or permission that is needed is not there."""

    exit_code = 2


class KernelError(HarnessError):
    """The kernel under test did what no correct kernel does, outside of any judged step."""

    exit_code = 1
    reports: tuple[tuple[str, ...], ...] = ()
    """The earlier reports of the kernel, each with all its lines, if they are known."""


class InfrastructureError(HarnessError):
    """The harness, the emulator or the host failed; says nothing about the kernel."""

    exit_code = 3
