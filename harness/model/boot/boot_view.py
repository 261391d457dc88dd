"""What a guest shows of its boot: the memory map that it was given, and its account of memory."""

from enum import IntFlag
from typing import NamedTuple

from harness.model.boot.address_area import AddressArea

RAM = 1
"""``E820_TYPE_RAM`` (asm/e820/types.h)."""


class MapEntry(NamedTuple):
    """A range of the memory map; addresses are physical, and ``end`` is the first beyond it."""

    start: int
    end: int
    kind: int


class ZoneView(NamedTuple):
    """One zone as ``/proc/zoneinfo`` has it; all values are frames."""

    name: str
    start: int
    spanned: int
    present: int
    managed: int
    free: int

    @property
    def end(self) -> int:
        """The first frame beyond the zone."""
        return self.start + self.spanned


class MemoryTotals(NamedTuple):
    """Pages of all memory, and of highmem, as one source has them."""

    total: int
    high: int


class FrameFlag(IntFlag):
    """``KMH_FRAME_*``: a valid frame has a ``struct page``; a reserved one is never handed out.

    Of a taken one the allocator knows that it is free, or in use; of a free block only the first
    frame tells that.
    """

    VALID = 1
    RESERVED = 2
    HIGHMEM = 4
    TAKEN = 8


class FrameRun(NamedTuple):
    """Frames that follow each other and are alike; ``end`` is the first beyond them."""

    first: int
    end: int
    flags: int


class BootView(NamedTuple):
    """What a kernel that is up says of memory.

    ``installed`` are the ranges of RAM that the machine has. ``firmware`` is the memory map that
    the kernel was given (``/sys/kernel/boot_params``), ``words`` are the words of the command line
    that change it. ``meminfo`` are the totals of ``/proc/meminfo``, ``sysinfo`` those that the
    module got from ``si_meminfo()``; ``free`` are the free pages of ``/proc/meminfo``, or None
    where they changed while they were read. ``frames`` are what the module saw of some frames.

    ``areas`` are the areas of kernel addresses; ``mapped`` are the ranges above the direct map,
    and not in vmalloc, that the page tables map, as they were read from outside.
    """

    installed: tuple[tuple[int, int], ...]
    firmware: tuple[MapEntry, ...]
    words: tuple[str, ...]
    zones: tuple[ZoneView, ...]
    meminfo: MemoryTotals
    sysinfo: MemoryTotals
    free: MemoryTotals | None = None
    frames: tuple[FrameRun, ...] = ()
    areas: tuple[AddressArea, ...] = ()
    mapped: tuple[tuple[int, int], ...] = ()
