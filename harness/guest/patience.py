"""How long a guest may take for a request, on a host of ordinary speed."""

from collections.abc import Sequence

from harness.guest import protocol
from harness.guest.deadline import host_slowness
from harness.guest.shape import Shape
from harness.model.records.operation import OpCode, Operation

BOOT_SECONDS = 60.0
CONSOLE_SECONDS = 10.0
REQUEST_SECONDS = 20.0
STEP_SECONDS = 0.05
"""Seconds for each step beyond REQUEST_SECONDS; the slowest machine needs a hundredth of it."""

LOOK_SECONDS = 1.0
"""Seconds between two looks at a guest that has not answered yet."""
STALL_CPU_SECONDS = 12.0
"""CPU seconds that no single step needs: the slowest, CPU hotplug, takes a tenth of a second.

The value is above the module's own patience with a task that neither ends nor sleeps
(kmh_patience_ms), since the module can say more about it.
"""


def boot_seconds(shape: Shape, script: Sequence[bytes]) -> float:
    """Return the seconds for a boot that also executes *script*."""
    operations = sum(map(len, script)) // protocol.OPERATION.size
    return BOOT_SECONDS * max(1, shape.smp / 2) + STEP_SECONDS * operations


def run_seconds(operations: Sequence[Operation]) -> float:
    """Return the seconds for a batch of operations."""
    asleep = sum(operation.value for operation in operations if operation.code == OpCode.SLEEP)
    return REQUEST_SECONDS + STEP_SECONDS * len(operations) + 2e-6 * asleep


class Stall:
    """Tells a slow guest from a stuck one: it may take its time while it finishes steps."""

    def __init__(self) -> None:
        self._steps = -1
        self._since = 0.0

    def says(self, steps: int, cpu_seconds: float) -> bool:
        """Tell whether a guest that has finished *steps* is stuck in the next one.

        Only its CPU time counts: a guest that the host does not let run has not failed.
        """
        if steps != self._steps:
            self._steps, self._since = steps, cpu_seconds
        return cpu_seconds - self._since >= STALL_CPU_SECONDS * host_slowness()
