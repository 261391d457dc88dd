"""Errands: what is done around a task, and goes on in the background (kmod/outside.c)."""

from typing import Final

from harness.model.records.operation import Operation

NOWHERE: Final = -1
"""In the place of a CPU: none."""


def errand_target(op: Operation) -> tuple[int, int]:
    """(task, CPU) of AFFINITY."""
    return op.value & 0xFF, op.value >> 8 & 0xFF
