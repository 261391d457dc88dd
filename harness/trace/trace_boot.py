"""The view of the boot, as a trace has it: read and checked."""

from typing import Any, Final

from harness.model.boot.address_area import AddressArea, AreaKind
from harness.model.boot.boot_view import BootView, FrameRun, MapEntry, MemoryTotals, ZoneView
from harness.trace.trace_fields import U32, U64, each, fields, integer, text

ENTRIES_MOST: Final = 4096
WORDS_MOST: Final = 64
ZONES_MOST: Final = 64


def boot_of(value: list[Any]) -> BootView:
    """The record of one line.  Raises TraceError for one that no run has written."""
    _, installed, firmware, words, zones, meminfo, sysinfo, free, frames, areas, mapped = fields(
        value, "the record of the boot", len(BootView._fields) + 1
    )
    return BootView(
        each(installed, "installed", _range, most=ENTRIES_MOST),
        each(firmware, "firmware", _entry, most=ENTRIES_MOST),
        each(words, "words", text, most=WORDS_MOST),
        each(zones, "zones", _zone, most=ZONES_MOST),
        _totals(meminfo, "meminfo"),
        _totals(sysinfo, "sysinfo"),
        None if free is None else _totals(free, "free"),
        each(frames, "frames", _frame_run, most=ENTRIES_MOST),
        each(areas, "areas", _area, most=ENTRIES_MOST),
        each(mapped, "mapped", _range, most=ENTRIES_MOST),
    )


def _frame_run(value: Any, name: str) -> FrameRun:  # noqa: ANN401 - any JSON value
    first, end, flags = fields(value, name, len(FrameRun._fields))
    return FrameRun(*_range([first, end], name), integer(flags, f"flags in {name}", 0, U32))


def _area(value: Any, name: str) -> AddressArea:  # noqa: ANN401 - any JSON value
    kind, cpu, start, end = fields(value, name, len(AddressArea._fields))
    named = AreaKind(integer(kind, f"kind in {name}", 1, len(AreaKind)))
    return AddressArea(named, integer(cpu, f"cpu in {name}", 0, U32), *_range([start, end], name))


def _range(value: Any, name: str) -> tuple[int, int]:  # noqa: ANN401 - any JSON value
    start, end = fields(value, name, 2)
    return integer(start, f"start in {name}", 0, U64), integer(end, f"end in {name}", 0, U64)


def _entry(value: Any, name: str) -> MapEntry:  # noqa: ANN401 - any JSON value
    start, end, kind = fields(value, name, len(MapEntry._fields))
    return MapEntry(*_range([start, end], name), integer(kind, f"kind in {name}", 0, U32))


def _zone(value: Any, name: str) -> ZoneView:  # noqa: ANN401 - any JSON value
    called, *numbers = fields(value, name, len(ZoneView._fields))
    return ZoneView(
        text(called, f"name in {name}"),
        *(
            integer(number, f"{field} in {name}", 0, U64)
            for field, number in zip(ZoneView._fields[1:], numbers, strict=True)
        ),
    )


def _totals(value: Any, name: str) -> MemoryTotals:  # noqa: ANN401 - any JSON value
    total, high = fields(value, name, len(MemoryTotals._fields))
    return MemoryTotals(integer(total, name, 0, U64), integer(high, name, 0, U64))
