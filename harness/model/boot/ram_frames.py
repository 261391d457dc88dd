"""From a memory map to frames of RAM: whole pages that are RAM and nothing else.

The kernel does the same in ``e820__memblock_setup()`` (arch/x86/kernel/e820.c, 5.10 to 7.3).
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from harness.model.boot.boot_view import RAM, FrameFlag, FrameRun, MapEntry
from harness.model.records.layout import PAGE_SHIFT, PAGE_SIZE

Frames = tuple[tuple[int, int], ...]
"""Ranges of frames, rising and apart; the second number is the first frame beyond the range."""

RESERVED: Final = 2
"""``E820_TYPE_RESERVED``."""
_BIOS: Final = (MapEntry(0, PAGE_SIZE, RESERVED), MapEntry(0xA0000, 0x100000, RESERVED))
"""``trim_bios_range()`` (arch/x86/kernel/setup.c) takes the first page and the BIOS area away."""
_SIZE: Final = r"(0x[0-9a-f]{1,12}|0|[1-9]\d{0,11}[KMG]?)"
_RESERVE: Final = re.compile(rf"memmap={_SIZE}\${_SIZE}", re.IGNORECASE)
_SPLIT: Final = re.compile(rf"(?:highmem|vmalloc)={_SIZE}", re.IGNORECASE)
MEMORY_WORDS: Final = ("memmap=", "mem=", "highmem=", "vmalloc=")
"""Beginnings of the words of the command line that change what the kernel makes of the map."""
_LOOKED_AT: Final = 0x4000
"""Frames at each end of a large range that are looked at: 64 MiB, in some milliseconds."""
_UNITS: Final = {"": 0, "K": 10, "M": 20, "G": 30}


def size_of(text: str) -> int:
    """The bytes that *text* names, as ``memparse()`` reads them: ``16M``, ``0x1000``."""
    unit = text[-1:].upper() if text[-1:].upper() in "KMG" else ""
    return int(text.removesuffix(text[-1:]) if unit else text, 0) << _UNITS[unit]


def understood(words: Iterable[str]) -> bool:
    """Tell whether all that *words* say of memory is known here."""
    return all(_RESERVE.fullmatch(word) or _SPLIT.fullmatch(word) for word in words)


def reserved_by(words: Iterable[str]) -> Iterator[MapEntry]:
    """The ranges that the command line reserves (``memmap=SIZE$START``)."""
    for word in words:
        if found := _RESERVE.fullmatch(word):
            start = size_of(found[2])
            yield MapEntry(start, start + size_of(found[1]), RESERVED)


def frames_of_ram(firmware: Sequence[MapEntry], words: Iterable[str]) -> Frames:
    """The frames that are RAM by the map and by the command line.

    Where entries overlap, the kind with the greater number counts (``e820__update_table()``).
    """
    reserved = (*_BIOS, *reserved_by(words))
    entries = (*firmware, *reserved)
    edges = sorted({edge for one in entries for edge in (one.start, one.end)})
    pieces = (
        (start, end)
        for start, end in itertools.pairwise(edges)
        if max((one.kind for one in entries if one.start <= start < one.end), default=0) == RAM
    )
    return tuple(_whole_pages(_joined(pieces)))


def _joined(pieces: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    last: tuple[int, int] | None = None
    for start, end in pieces:
        if last and last[1] == start:
            last = (last[0], end)
            continue
        if last:
            yield last
        last = (start, end)
    if last:
        yield last


def _whole_pages(ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Pages that are RAM in part only are thrown away (``memblock_trim_memory()``)."""
    for start, end in ranges:
        first, beyond = -(-start >> PAGE_SHIFT), end >> PAGE_SHIFT
        if first < beyond:
            yield first, beyond


def within(frames: Frames, first: int, end: int) -> Frames:
    """The part of *frames* from *first* to before *end*."""
    cut = ((max(start, first), min(beyond, end)) for start, beyond in frames)
    return tuple((start, beyond) for start, beyond in cut if start < beyond)


def count(frames: Frames) -> int:
    """The number of frames."""
    return sum(beyond - start for start, beyond in frames)


def beside(frames: Frames, first: int, end: int) -> Frames:
    """What lies between *first* and *end*, and not in *frames*."""
    inside = within(frames, first, end)
    starts = (first, *(beyond for _, beyond in inside))
    ends = (*(start for start, _ in inside), end)
    return tuple(gap for gap in zip(starts, ends, strict=True) if gap[0] < gap[1])


def worth_a_look(frames: Frames, first: int, end: int) -> tuple[FrameRun, ...]:
    """The frames between *first* and *end* to look at one by one: of large ranges both ends.

    The flags are those to look for.
    """
    inside, gaps = within(frames, first, end), beside(frames, first, end)
    return (*_ends(inside, ~FrameFlag.TAKEN), *_ends(gaps, ~FrameFlag(0)))


def _ends(ranges: Frames, flags: int) -> Iterator[FrameRun]:
    for start, beyond in ranges:
        if beyond - start <= 2 * _LOOKED_AT:
            yield FrameRun(start, beyond, flags)
        else:
            yield FrameRun(start, start + _LOOKED_AT, flags)
            yield FrameRun(beyond - _LOOKED_AT, beyond, flags)
