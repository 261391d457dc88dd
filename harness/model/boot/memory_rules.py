"""The rules of a kernel's account of memory, each with its reason.

A zone's managed pages are those that the kernel hands out; a page that is missing there is lost
for good, and one too many is not RAM, or somebody else's.  All numbers are exact but one: lowmem
holds the kernel itself, so that of lowmem only the frames that are present are judged.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from harness.model.boot.boot_view import RAM, BootView, FrameFlag, FrameRun, ZoneView
from harness.model.boot.expected_memory import ExpectedMemory
from harness.model.boot.ram_frames import beside, count, within
from harness.model.records.layout import PAGE_SHIFT, Layout

HIGHMEM: Final = "HighMem"
FIRMWARE_MOST: Final = 1 << 20
"""Bytes of RAM that the firmware keeps for itself: SeaBIOS takes 128 KiB for its tables, and what
lies between 640 KiB and 1 MiB is ROM."""


class MemoryAccount(NamedTuple):
    """A kernel's account, and what it should be."""

    layout: Layout
    view: BootView
    expected: ExpectedMemory

    @property
    def high(self) -> ZoneView:
        """The zone of highmem; an empty one where the kernel has none."""
        found = [zone for zone in self.view.zones if zone.name == HIGHMEM]
        return found[0] if found else ZoneView(HIGHMEM, 0, 0, 0, 0, 0)

    @property
    def low_present(self) -> int:
        """Frames of RAM in the zones of lowmem."""
        return sum(zone.present for zone in self.view.zones if zone.name != HIGHMEM)


def memory_map(a: MemoryAccount) -> Iterator[str]:
    """The map names all RAM that the machine has, but for what the firmware keeps, and no other.

    Any correct kernel, because what the map lacks is lost, and what it has too much is not there.
    """
    ram = [(one.start, one.end) for one in a.view.firmware if one.kind == RAM]
    for start, end in ram:
        if not any(first <= start and end <= last for first, last in a.view.installed):
            yield f"memory-map: {start:#x} to {end:#x} is RAM by the map, and the machine has none"
    missing = sum(end - start for start, end in a.view.installed)
    missing -= sum(end - start for start, end in ram)
    if missing > FIRMWARE_MOST:
        yield f"memory-map: {missing >> 10} KiB of the machine's RAM are not in the map"


def low_end(a: MemoryAccount) -> Iterator[str]:
    """Lowmem ends where its direct map does.

    Any correct kernel, because a page of lowmem beyond it would have no address.
    """
    seen, wanted = a.layout.high_memory - a.layout.page_offset >> PAGE_SHIFT, a.expected.low_end
    if seen != wanted:
        yield f"lowmem-end: lowmem ends at frame {seen:#x}, not {wanted:#x}"


def low_frames(a: MemoryAccount) -> Iterator[str]:
    """Every frame of RAM below that end is lowmem.

    Any correct kernel, because a frame that is in no zone is never handed out.
    """
    seen, wanted = a.low_present, count(a.expected.low)
    if seen != wanted:
        yield f"lowmem-frames: {seen} frames of lowmem are present, not {wanted}"


def high_zone(a: MemoryAccount) -> Iterator[str]:
    """Highmem begins where lowmem ends, and ends with the last frame of RAM that it may have.

    Any correct kernel, because a page of highmem is one without a permanent address.
    """
    zone, frames = a.high, a.expected.high
    wanted = (a.expected.low_end, frames[-1][1]) if frames else (0, 0)
    seen = (zone.start, zone.end) if zone.spanned else (0, 0)
    if seen != wanted:
        yield (
            f"highmem-zone: highmem is frames {seen[0]:#x} to {seen[1]:#x},"
            f" not {wanted[0]:#x} to {wanted[1]:#x}"
        )


def high_frames(a: MemoryAccount) -> Iterator[str]:
    """Every frame of RAM in highmem is there and handed out, and no other is.

    Any correct kernel, because nothing of the kernel lies in highmem: a page that is not handed
    out is lost, and one that is no RAM, or is reserved, belongs to somebody else.
    """
    wanted = count(a.expected.high)
    for what, seen in (("present", a.high.present), ("managed", a.high.managed)):
        if seen != wanted:
            which = "too few" if seen < wanted else "too many"
            yield (
                f"highmem-pages: {seen} pages of highmem are {what}, not {wanted}:"
                f" {abs(seen - wanted)} {which}"
            )


def frames_lost(a: MemoryAccount) -> Iterator[str]:
    """Every frame of highmem can be handed out.

    Any correct kernel, because nothing of the kernel lies there: nobody ever frees a reserved one.
    """
    for run in a.view.frames:
        for first, end in within(a.expected.high, run.first, run.end):
            if run.flags & ~FrameFlag.TAKEN != FrameFlag.VALID | FrameFlag.HIGHMEM:
                yield f"frame-lost: {_frames(first, end)} RAM of highmem, and never handed out"


def frames_foreign(a: MemoryAccount) -> Iterator[str]:
    """No frame can be handed out that is not RAM, or that the kernel may not use.

    Any correct kernel, because what is written there is lost, or is somebody else's.
    """
    usable = within(a.expected.ram, 0, a.expected.high_end)
    for run in filter(_may_be_handed_out, a.view.frames):
        for first, end in beside(usable, run.first, run.end):
            yield f"frame-foreign: {_frames(first, end)} no usable RAM, and may be handed out"


def _may_be_handed_out(run: FrameRun) -> bool:
    """Tell whether the allocator has the frames, or a zone that they are in may get them.

    5.10 leaves frames that are not RAM without a zone and not reserved: their page is zeroed.
    """
    in_zone = run.flags & (FrameFlag.HIGHMEM | FrameFlag.RESERVED) == FrameFlag.HIGHMEM
    return in_zone or bool(run.flags & FrameFlag.TAKEN)


def _frames(first: int, end: int) -> str:
    """Frames as the subject of a sentence, with its verb."""
    return f"frame {first:#x} is" if end == first + 1 else f"frames {first:#x} to {end:#x} are"


def high_totals(a: MemoryAccount) -> Iterator[str]:
    """All sources have the same total of highmem.

    Any correct kernel, because its caches, its limits and its users are sized by these.
    """
    for what, seen in (("meminfo", a.view.meminfo.high), ("sysinfo", a.view.sysinfo.high)):
        if seen != a.high.managed:
            yield (f"highmem-total: {what} has {seen} pages of highmem, the zone {a.high.managed}")


def all_totals(a: MemoryAccount) -> Iterator[str]:
    """The total of memory is what the zones manage.

    Any correct kernel, because its caches, its limits and its users are sized by these.
    """
    managed = sum(zone.managed for zone in a.view.zones)
    for what, seen in (("meminfo", a.view.meminfo.total), ("sysinfo", a.view.sysinfo.total)):
        if seen != managed:
            yield f"memory-total: {what} has {seen} pages of memory, the zones {managed}"


def free_pages(a: MemoryAccount) -> Iterator[str]:
    """No zone has more free pages than it manages, and all sources have the same number of them.

    Any correct kernel, because a page is free once: one that is counted twice is handed out twice.
    """
    for zone in a.view.zones:
        if zone.free > zone.managed:
            yield f"free-pages: {zone.name} has {zone.free} free pages of {zone.managed}"
    if a.view.free is not None and a.view.free.high != a.high.free:
        yield (
            f"free-pages: meminfo has {a.view.free.high} free pages of highmem,"
            f" the zone {a.high.free}"
        )


RULES = (
    memory_map,
    low_end,
    low_frames,
    high_zone,
    high_frames,
    frames_lost,
    frames_foreign,
    high_totals,
    all_totals,
    free_pages,
)
"""In the order in which one mistake leads to the next."""
