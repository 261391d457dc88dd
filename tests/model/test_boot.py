"""A kernel's account of memory: which frames are RAM, where lowmem ends, each rule broken once.

The views are those of real guests; what is changed in them is what a wrong kernel would show.
"""

import re

import pytest

from harness.model.boot import memory_rules
from harness.model.boot.boot_view import RAM, BootView, FrameRun, MapEntry, MemoryTotals, ZoneView
from harness.model.boot.expected_memory import expected_memory
from harness.model.boot.memory_rules import MemoryAccount
from harness.model.boot.ram_frames import (
    count,
    frames_of_ram,
    size_of,
    understood,
    worth_a_look,
)
from tests.compare.model_guest import LOCAL
from tests.package.conftest import ROOT

MIB = 1 << 20
PAGE = (ROOT / "docs" / "contract.md").read_text()


def view_of(below, above=0, words=()):
    """The map that QEMU's firmware gives with so many MiB below and above 4 GiB."""
    top = (below << 20) - 0x20000
    ram = [(0, below << 20)] + ([(1 << 32, (1 << 32) + (above << 20))] if above else [])
    firmware = (
        MapEntry(0, 0x9FC00, RAM),
        MapEntry(0x9FC00, 0xA0000, 2),
        MapEntry(0xF0000, 0x100000, 2),
        MapEntry(0x100000, top, RAM),
        MapEntry(top, below << 20, 2),
        MapEntry(0xFFFC0000, 1 << 32, 2),
        *(MapEntry(start, end, RAM) for start, end in ram[1:]),
    )
    nothing = MemoryTotals(0, 0)
    return BootView(tuple(ram), firmware, tuple(words), (), nothing, nothing)


# What a 6.1 PAE kernel showed with 192 MiB below and 128 MiB above 4 GiB.
LAYOUT = LOCAL._replace(pkmap_base=0xFF600000, high_memory=0xF75FE000)
TOTALS = MemoryTotals(55559, 32768)
VIEW = view_of(192, 128)._replace(
    zones=(
        ZoneView("Normal", 1, 226813, 49022, 22791, 21892),
        ZoneView("HighMem", 226814, 854530, 32768, 32768, 25894),
    ),
    meminfo=TOTALS,
    sysinfo=TOTALS,
    free=MemoryTotals(47786, 25894),
)


def broken(view=VIEW, layout=LAYOUT, *, high_frames=True):
    account = MemoryAccount(layout, view, expected_memory(layout, view, high_frames=high_frames))
    return [
        (rule.__name__, reason.partition(":")[0])
        for rule in memory_rules.RULES
        for reason in rule(account)
    ]


def zone(number, **changes):
    zones = list(VIEW.zones)
    zones[number] = zones[number]._replace(**changes)
    return VIEW._replace(zones=tuple(zones))


def mapped(number, **changes):
    firmware = list(VIEW.firmware)
    firmware[number] = firmware[number]._replace(**changes)
    return VIEW._replace(firmware=tuple(firmware))


def test_a_kernel_that_accounts_for_all_keeps_every_rule():
    assert broken() == []
    assert broken(VIEW._replace(free=None)) == []


def seen(*runs):
    return VIEW._replace(frames=runs)


def test_frames_of_holes_are_reserved_or_in_no_zone_and_those_of_highmem_are_free_or_in_use():
    runs = (FrameRun(0x375FE, 0x100000, 7), FrameRun(0x100000, 0x108000, 5), FrameRun(1, 9, 8))
    assert broken(seen(*runs, FrameRun(0x108000, 0x108100, 0))) == []
    assert broken(seen(FrameRun(0x375FE, 0x100000, 1))) == []  # 5.10: zeroed
    assert broken(seen(FrameRun(0x100000, 0x100001, 13))) == []


def test_of_large_ranges_both_ends_are_looked_at():
    frames = ((0x1000, 0x2000), (0x100000, 0x200000))
    assert worth_a_look(frames, 0x1800, 0x200800) == (
        FrameRun(0x1800, 0x2000, 7),
        FrameRun(0x100000, 0x104000, 7),
        FrameRun(0x1FC000, 0x200000, 7),
        FrameRun(0x2000, 0x6000, 15),
        FrameRun(0xFC000, 0x100000, 15),
        FrameRun(0x200000, 0x200800, 15),
    )


BROKEN = {
    "memory_map": [
        (mapped(6, end=0x1_0900_0000), "memory-map"),
        (mapped(3, start=0x300000), "memory-map"),
    ],
    "low_end": [(VIEW, "lowmem-end")],
    "low_frames": [(zone(0, present=49021), "lowmem-frames")],
    "high_zone": [
        (zone(1, spanned=854529), "highmem-zone"),
        (zone(1, start=226813, spanned=854531), "highmem-zone"),
    ],
    "high_frames": [
        (zone(1, managed=32767), "highmem-pages"),
        (zone(1, managed=32769), "highmem-pages"),
        (zone(1, present=32767), "highmem-pages"),
    ],
    "frames_lost": [
        (seen(FrameRun(0x107FFF, 0x108000, 7)), "frame-lost"),
        (seen(FrameRun(0x107FF0, 0x108000, 1)), "frame-lost"),
        (seen(FrameRun(0x107FF0, 0x108000, 0)), "frame-lost"),
    ],
    "frames_foreign": [
        (seen(FrameRun(0xFFFFF, 0x100001, 5)), "frame-foreign"),
        (seen(FrameRun(0x40000, 0x40001, 9)), "frame-foreign"),
        (seen(FrameRun(0x108000, 0x108001, 9)), "frame-foreign"),
    ],
    "high_totals": [
        (VIEW._replace(meminfo=MemoryTotals(55559, 0)), "highmem-total"),
        (VIEW._replace(sysinfo=MemoryTotals(55559, 32769)), "highmem-total"),
    ],
    "all_totals": [
        (VIEW._replace(meminfo=MemoryTotals(55558, 32768)), "memory-total"),
        (VIEW._replace(sysinfo=MemoryTotals(22791, 32768)), "memory-total"),
    ],
    "free_pages": [
        (zone(0, free=22792), "free-pages"),
        (VIEW._replace(free=MemoryTotals(47786, 25893)), "free-pages"),
    ],
}


@pytest.mark.parametrize(
    ("rule", "view", "name"),
    [(rule, *case) for rule, cases in BROKEN.items() for case in cases],
)
def test_each_rule_is_broken_by_what_a_wrong_kernel_shows(rule, view, name):
    layout = LAYOUT._replace(high_memory=0xF75FF000) if rule == "low_end" else LAYOUT
    assert (rule, name) in broken(view, layout)


def test_every_rule_has_its_case_its_reason_and_its_row():
    names = [rule.__name__ for rule in memory_rules.RULES]
    assert names == list(BROKEN)
    assert all("ny correct kernel" in rule.__doc__ for rule in memory_rules.RULES)
    rows = re.findall(r"^\| `memory_rules\.(\w+)` \|", PAGE, re.MULTILINE)
    assert rows == names


def test_a_kernel_without_highmem_has_no_zone_of_it():
    view = view_of(192)._replace(
        zones=(ZoneView("Normal", 1, 49119, 49022, 22791, 21892),),
        meminfo=MemoryTotals(22791, 0),
        sysinfo=MemoryTotals(22791, 0),
    )
    assert broken(view, LAYOUT._replace(high_memory=0xCBFE0000)) == []


@pytest.mark.parametrize(
    ("below", "above", "words", "pae", "high_frames", "low_end", "high"),
    [
        (256, 0, ["highmem=128M"], False, False, 32736, 32768),
        (256, 0, ["highmem=250M"], False, False, 65504, 0),  # less than 64 MiB would be left
        (256, 0, ["highmem=512M"], False, False, 65504, 0),
        (192, 128, [], True, True, 226814, 32768),
        (1024, 128, [], True, False, 226814, 35298),  # since 6.15, and without PAE
        (1024, 128, [], False, False, 226814, 35298),
        (1024, 0, ["vmalloc=256M"], True, True, 0, None),
        (1536, 0, ["highmem=128M"], True, True, 226814, 32768),
        (1024, 0, ["memmap=4M$960M"], True, True, 226814, 35298 - 1024),
    ],
)
def test_where_highmem_begins_and_how_much_of_it_there_is(
    below, above, words, pae, high_frames, low_end, high
):
    layout = LAYOUT._replace(pae=pae)
    found = expected_memory(layout, view_of(below, above, words), high_frames=high_frames)
    if high is None:
        direct = (0xFF600000 - 0x2000 - 0xC0000000 - 264 * MIB) >> 12
        low_end, high = direct, 0x3FFE0 - direct
    assert (found.low_end, count(found.high)) == (low_end, high)


def test_frames_are_whole_pages_of_ram_and_the_greater_kind_counts():
    odd = (MapEntry(0x100800, 0x200800, RAM), MapEntry(0x180000, 0x181001, 3))
    assert frames_of_ram(odd, ()) == ((0x101, 0x180), (0x182, 0x200))
    assert frames_of_ram(odd, ("memmap=0x1000$0x101000",))[0] == (0x102, 0x180)
    touching = (MapEntry(0x100000, 0x180800, RAM), MapEntry(0x180800, 0x200000, RAM))
    assert frames_of_ram(touching, ()) == ((0x100, 0x200),)


@pytest.mark.parametrize(
    ("text", "size"), [("16M", 16 * MIB), ("0x1000", 4096), ("4k", 4096), ("1G", 1 << 30)]
)
def test_sizes_are_read_as_the_kernel_reads_them(text, size):
    assert size_of(text) == size


@pytest.mark.parametrize("word", ["mem=512M", "memmap=exactmap", "memmap=4M@1G", "highmem="])
def test_other_words_make_a_map_that_is_not_known(word):
    assert not understood([word])
    assert understood(["highmem=128M", "vmalloc=256M", "memmap=4M$960M"])
