"""An interrupt, or a task of higher priority, that a program asks for (kmod/instant.c).

The module lets it come in the middle of an operation, where it maps pages on top of what it
finds and takes them away again.
"""

from enum import IntEnum
from typing import NamedTuple

HARD, SOFT, OWN, IN_USE, TORN = 1, 2, 4, 8, 16
"""``KMH_INTERRUPT_*``: flags of a recorded mapping.

A record with TORN is no mapping, but an entry that the interrupt has seen half-written.
"""

LEVELS_MOST = 8
DELAY_MOST_NS = 1_000_000


class InterruptContext(IntEnum):
    """The context in which it maps (``enum kmh_context``)."""

    HARDIRQ = 0
    SOFTIRQ = 1
    TASK = 2


class Trigger(IntEnum):
    """The event behind it (``enum kmh_trigger``); from MAP on, an instruction of a function."""

    TIMER = 0
    IPI = 1
    MAP = 2
    UNMAP = 3
    FLUSH = 4
    SWITCH_OUT = 5
    SWITCH_IN = 6
    KMAP = 7
    KUNMAP = 8
    FLUSH_UNUSED = 9
    IOMAP = 10
    IOUNMAP = 11
    PAGE_ADDRESS = 12


class Armed(NamedTuple):
    """An interrupt that a task's operation will meet, after ``skip`` other operations."""

    where: int
    trigger: int
    page: int
    levels: int
    skip: int


def armed_of(page: int, reg: int, value: int) -> Armed:
    """The interrupt for which an INTERRUPT operation with these operands asks."""
    return Armed(reg & 0xF, reg >> 4, page, value & 0xFF, value >> 8 & 0xFF)
