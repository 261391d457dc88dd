"""Reads what a guest's kernel says of its memory, in five requests that take some milliseconds."""

import re
from collections.abc import Iterator
from struct import Struct
from typing import Final

from harness.guest.failure import AgentError
from harness.guest.protocol import GuestFacts
from harness.guest.qemu import command_line
from harness.guest.running_guest import Guest
from harness.model.boot.boot_view import BootView, MapEntry, MemoryTotals, ZoneView
from harness.model.boot.ram_frames import MEMORY_WORDS
from harness.model.records.layout import PAGE_SIZE

_COUNT, _TABLE, _MOST = 0x1E8, 0x2D0, 128
"""``e820_entries`` and ``e820_table`` of ``struct boot_params`` (asm/bootparam.h)."""
_ENTRY: Final = Struct("<QQI")
_ZONE: Final = re.compile(r"^Node 0, zone +(\w+)$", re.MULTILINE)
_KIB: Final = re.compile(r"^(\w+): +(\d+) kB$", re.MULTILINE)
_PAGE_KIB: Final = PAGE_SIZE >> 10


def read_boot(guest: Guest, facts: GuestFacts) -> BootView:
    """Return the account of *guest*; what its kernel has no file for is empty.

    The free pages of two files can be compared if none was taken or freed between both.
    """
    firmware = _file(guest, "/sys/kernel/boot_params/data")
    before = zones_of(_text(guest, "/proc/zoneinfo"))
    totals = totals_of(_text(guest, "/proc/meminfo"))
    zones = zones_of(_text(guest, "/proc/zoneinfo"))
    shape = guest.session.machine.shape
    return BootView(
        shape.ram.ranges(shape.memory << 20),
        memory_map_of(firmware),
        tuple(
            word
            for word in command_line(guest.session.machine).split()
            if word.startswith(MEMORY_WORDS)
        ),
        zones,
        MemoryTotals(totals.get("MemTotal", 0), totals.get("HighTotal", 0)),
        MemoryTotals(facts.lowmem_pages + facts.highmem_pages, facts.highmem_pages),
        MemoryTotals(totals.get("MemFree", 0), totals.get("HighFree", 0))
        if before == zones
        else None,
    )


def _file(guest: Guest, path: str) -> bytes:
    """The content of a file, or nothing where the kernel has no such file."""
    try:
        return guest.read_file(path)
    except AgentError:
        return b""


def _text(guest: Guest, path: str) -> str:
    return _file(guest, path).decode("ascii", "replace")


def memory_map_of(boot_params: bytes) -> tuple[MapEntry, ...]:
    """The entries of the map in ``struct boot_params``; none where it is cut off."""
    if len(boot_params) < _TABLE + _MOST * _ENTRY.size:
        return ()
    table = boot_params[_TABLE : _TABLE + min(boot_params[_COUNT], _MOST) * _ENTRY.size]
    return tuple(
        MapEntry(start, start + size, kind) for start, size, kind in _ENTRY.iter_unpack(table)
    )


def zones_of(zoneinfo: str) -> tuple[ZoneView, ...]:
    """The zones that have pages; those of CONFIG_NUMA's other nodes do not exist here."""
    _, *parts = _ZONE.split(zoneinfo)
    return tuple(
        zone
        for name, text in zip(parts[::2], parts[1::2], strict=True)
        for zone in _zone(name, text)
    )


def _zone(name: str, text: str) -> Iterator[ZoneView]:
    """A zone that has pages; one without names no first frame."""

    def number(key: str) -> int:
        found = re.search(rf"^ +(?:pages )?{key}:? +(\d+)$", text, re.MULTILINE)
        return int(found[1]) if found else 0

    if number("spanned"):
        yield ZoneView(
            name,
            number("start_pfn"),
            number("spanned"),
            number("present"),
            number("managed"),
            number("nr_free_pages"),
        )


def totals_of(meminfo: str) -> dict[str, int]:
    """The sizes in ``/proc/meminfo``, in pages."""
    return {name: int(kib) // _PAGE_KIB for name, kib in _KIB.findall(meminfo)}
