"""How long a guest may take for what it is asked, on a host of ordinary speed."""

from collections.abc import Sequence

from harness.guest import protocol
from harness.guest.shape import Shape
from harness.model.operation import OpCode, Operation

BOOT_SECONDS = 60.0
RESTORE_SECONDS = 20.0
CONSOLE_SECONDS = 10.0
REQUEST_SECONDS = 20.0
STEP_SECONDS = 0.05
"""Allowed for each step beyond REQUEST_SECONDS; a step of the slowest machine takes a hundredth of it."""


def boot_seconds(shape: Shape, script: Sequence[bytes]) -> float:
    """A boot, its script's requests among it."""
    operations = sum(map(len, script)) // protocol.OPERATION.size
    return BOOT_SECONDS * max(1, shape.smp / 2) + STEP_SECONDS * operations


def run_seconds(operations: Sequence[Operation]) -> float:
    """A batch of operations."""
    asleep = sum(operation.value for operation in operations if operation.code == OpCode.SLEEP)
    return REQUEST_SECONDS + STEP_SECONDS * len(operations) + 2e-6 * asleep
