"""How long a guest may take for what it is asked, on a host of ordinary speed."""

from collections.abc import Sequence

from harness.guest import protocol
from harness.guest.deadline import host_slowness
from harness.guest.shape import Shape
from harness.model.records.operation import OpCode, Operation

BOOT_SECONDS = 60.0
CONSOLE_SECONDS = 10.0
REQUEST_SECONDS = 20.0
STEP_SECONDS = 0.05
"""Allowed for each step beyond REQUEST_SECONDS; a step of the slowest machine takes a hundredth of it."""

LOOK_SECONDS = 1.0
"""How often a guest that has not answered yet is asked whether it gets on."""
STALL_CPU_SECONDS = 12.0
"""CPU time that no one step needs: the slowest, a CPU that goes and comes back, takes a tenth of a second.

More than the module's own patience with a task that neither ends nor sleeps (kmh_patience_ms): it can say more.
"""


def boot_seconds(shape: Shape, script: Sequence[bytes]) -> float:
    """A boot, its script's requests among it."""
    operations = sum(map(len, script)) // protocol.OPERATION.size
    return BOOT_SECONDS * max(1, shape.smp / 2) + STEP_SECONDS * operations


def run_seconds(operations: Sequence[Operation]) -> float:
    """A batch of operations."""
    asleep = sum(operation.value for operation in operations if operation.code == OpCode.SLEEP)
    return REQUEST_SECONDS + STEP_SECONDS * len(operations) + 2e-6 * asleep


class Stall:
    """Whether a guest that has not answered yet gets on: it is given time as long as it finishes steps."""

    def __init__(self) -> None:
        self._steps = -1
        self._since = 0.0

    def says(self, steps: int, cpu_seconds: float) -> bool:
        """Whether a guest that has finished *steps* and used so much CPU is caught in the next one for good.

        CPU time and no other: a guest that the host does not let run has not failed.
        """
        if steps != self._steps:
            self._steps, self._since = steps, cpu_seconds
        return cpu_seconds - self._since >= STALL_CPU_SECONDS * host_slowness()
