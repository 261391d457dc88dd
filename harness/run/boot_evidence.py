"""Reads what a guest's kernel says of its memory and of its addresses, in some milliseconds."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from struct import Struct
from typing import Final

from harness.compare.boot_check import expected_at_boot
from harness.guest.boot_wire import decode_areas, decode_runs, encode_frames
from harness.guest.failure import AgentError
from harness.guest.module_work import kernel_tables
from harness.guest.protocol import GuestFacts, RequestType
from harness.guest.qemu import command_line
from harness.guest.running_guest import Guest
from harness.model.boot.address_area import AddressArea, AreaKind
from harness.model.boot.boot_view import BootView, MapEntry, MemoryTotals, ZoneView
from harness.model.boot.ram_frames import MEMORY_WORDS, within, worth_a_look
from harness.model.records.layout import PAGE_SHIFT, PAGE_SIZE, PTE_PRESENT, Layout
from harness.trace.trace_records import Header

_COUNT, _TABLE, _MOST = 0x1E8, 0x2D0, 128
"""``e820_entries`` and ``e820_table`` of ``struct boot_params`` (asm/bootparam.h)."""
_ENTRY: Final = Struct("<QQI")
_ZONE: Final = re.compile(r"^Node 0, zone +(\w+)$", re.MULTILINE)
_KIB: Final = re.compile(r"^(\w+): +(\d+) kB$", re.MULTILINE)
_BESIDE: Final = 0x1000
"""Frames below and above highmem that are looked at, too."""
FRAMES_MOST: Final = 1 << 32
"""The module knows frames by numbers of 32 bits."""
_PAGE_KIB: Final = PAGE_SIZE >> 10


def read_boot(guest: Guest, header: Header, facts: GuestFacts) -> BootView:
    """Return the account of *guest*; what its kernel has no file for is empty."""
    view = _account(guest, facts)
    areas = decode_areas(guest.ask(RequestType.AREAS))
    view = view._replace(areas=areas, mapped=_mapped(guest, areas, header.layout, facts))
    expected = expected_at_boot(header, view)
    if expected is None:
        return view
    wanted = worth_a_look(
        within(expected.ram, 0, expected.high_end),
        expected.low_end - _BESIDE,
        min(expected.high_end + _BESIDE, FRAMES_MOST),
    )
    return view._replace(frames=decode_runs(guest.ask(RequestType.FRAMES, encode_frames(wanted))))


def _account(guest: Guest, facts: GuestFacts) -> BootView:
    """Return what the kernel says in its files.

    The free pages of two files can be compared if none was taken or freed between both.
    """
    firmware = _file(guest, "/sys/kernel/boot_params/data")
    before = zones_of(_text(guest, "/proc/zoneinfo"))
    totals = totals_of(_text(guest, "/proc/meminfo"))
    zones = zones_of(_text(guest, "/proc/zoneinfo"))
    shape = guest.session.machine.shape
    words = command_line(guest.session.machine).split()
    free = MemoryTotals(totals.get("MemFree", 0), totals.get("HighFree", 0))
    return BootView(
        shape.ram.ranges(shape.memory << 20),
        memory_map_of(firmware),
        tuple(word for word in words if word.startswith(MEMORY_WORDS)),
        zones,
        MemoryTotals(totals.get("MemTotal", 0), totals.get("HighTotal", 0)),
        MemoryTotals(facts.lowmem_pages + facts.highmem_pages, facts.highmem_pages),
        free if before == zones else None,
    )


def _mapped(
    guest: Guest, areas: tuple[AddressArea, ...], layout: Layout, facts: GuestFacts
) -> tuple[tuple[int, int], ...]:
    """Return what the kernel's page tables map above the direct map and beside vmalloc."""
    vmalloc = next(one for one in areas if one.kind is AreaKind.VMALLOC)
    tables = kernel_tables(guest.session.architecture, layout, facts)
    return tuple(
        run
        for start, end in ((layout.high_memory, vmalloc.start), (vmalloc.end, 1 << 32))
        for run in runs_of(
            start, tables.entries(guest.session.memory, start, end - start >> PAGE_SHIFT)
        )
    )


def runs_of(start: int, entries: Sequence[int]) -> Iterator[tuple[int, int]]:
    """The ranges of addresses from *start* on whose entries are present."""
    at = start
    for present, group in groupby(entries, key=lambda entry: bool(entry & PTE_PRESENT)):
        end = at + (sum(1 for _ in group) << PAGE_SHIFT)
        if present:
            yield at, end
        at = end


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
