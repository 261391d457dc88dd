"""Where lowmem ends, and which frames are highmem: what the kernel must make of its memory map."""

from typing import Final, NamedTuple

from harness.model.boot.boot_view import BootView
from harness.model.boot.ram_frames import Frames, frames_of_ram, size_of, within
from harness.model.records.layout import PAGE_SHIFT, PAGE_SIZE, Layout

_MIB: Final = 1 << 20
_VMALLOC_RESERVE: Final = 128 * _MIB
"""``__VMALLOC_RESERVE`` (arch/x86/mm/pgtable_32.c) where the command line has no ``vmalloc=``."""
_VMALLOC_OFFSET: Final = 8 * _MIB
"""``VMALLOC_OFFSET`` (asm/pgtable_32_areas.h): ``parse_vmalloc()`` adds it to what was asked."""
_LEAST_LOWMEM: Final = 64 * _MIB >> PAGE_SHIFT
_FRAMES_4G: Final = 1 << (32 - PAGE_SHIFT)
_FRAMES_64G: Final = 1 << (36 - PAGE_SHIFT)


class ExpectedMemory(NamedTuple):
    """Frames of RAM below ``low_end`` are lowmem, those from there to ``high_end`` highmem.

    ``high_end`` is the first frame that the kernel may not use, or beyond all RAM.
    """

    low_end: int
    high_end: int
    ram: Frames

    @property
    def low(self) -> Frames:
        """The frames of lowmem."""
        return within(self.ram, 0, self.low_end)

    @property
    def high(self) -> Frames:
        """The frames of highmem."""
        return within(self.ram, self.low_end, self.high_end)


def expected_memory(layout: Layout, view: BootView, *, high_frames: bool) -> ExpectedMemory:
    """What a kernel of *layout* makes of the map in *view*; *high_frames*: it uses those
    above 4 GiB (``CONFIG_HIGHMEM64G``, which 6.15 has removed).

    ``e820__end_of_ram_pfn()``, then ``find_low_pfn_range()`` (arch/x86/mm/init_32.c, 5.10 to 7.3).
    """
    most = _FRAMES_64G if layout.pae else _FRAMES_4G
    ram = frames_of_ram(view.firmware, view.words)
    end = min(max((beyond for _, beyond in ram), default=0), most)
    asked = _asked(view.words, "highmem=")
    highmem = None if asked is None else asked >> PAGE_SHIFT
    direct = _direct_map_most(layout, view.words)
    if end <= direct:
        return ExpectedMemory(end - _forced(end, highmem), end, ram)
    if highmem is not None:
        end = min(end, direct + highmem)
    return ExpectedMemory(direct, end if high_frames else min(end, _FRAMES_4G), ram)


def _direct_map_most(layout: Layout, words: tuple[str, ...]) -> int:
    """``MAXMEM_PFN``: frames for whose direct map there is room below vmalloc."""
    asked = _asked(words, "vmalloc=")
    reserve = _VMALLOC_RESERVE if asked is None else asked + _VMALLOC_OFFSET
    vmalloc_end = layout.pkmap_base - 2 * PAGE_SIZE
    return vmalloc_end - layout.page_offset - reserve >> PAGE_SHIFT


def _forced(end: int, highmem: int | None) -> int:
    """``lowmem_pfn_init()``: frames that are highmem because the command line wants it."""
    if not highmem or highmem >= end or end - highmem < _LEAST_LOWMEM:
        return 0
    return highmem


def _asked(words: tuple[str, ...], name: str) -> int | None:
    """The size that the last word of that *name* gives."""
    found = [size_of(word.removeprefix(name)) for word in words if word.startswith(name)]
    return found[-1] if found else None
