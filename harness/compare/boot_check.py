"""The boot judged: what a guest shows of its memory against what its kernel must make of it."""

from collections.abc import Iterator

from harness.architecture.i386 import I386
from harness.compare.known_bugs import major_minor
from harness.model.boot import layout_rules, memory_rules
from harness.model.boot.boot_view import BootView
from harness.model.boot.expected_memory import ExpectedMemory, expected_memory
from harness.model.boot.layout_rules import MappedLayout
from harness.model.boot.memory_rules import MemoryAccount
from harness.model.boot.ram_frames import understood
from harness.trace.trace_records import Header

_WITHOUT_HIGH_FRAMES = (6, 15)
"""bbeb69ce3013 ("x86/mm: Remove CONFIG_HIGHMEM64G support")."""


def uses_high_frames(header: Header) -> bool:
    """Tell whether the kernel of *header* uses memory above 4 GiB."""
    if header.config_symbols is not None:
        return I386.paging.high_frames_option in header.config_symbols
    return header.layout.pae and major_minor(header.release) < _WITHOUT_HIGH_FRAMES


def expected_at_boot(header: Header, view: BootView) -> ExpectedMemory | None:
    """The account that the kernel must give of its memory.

    None without a map, without zones, or with a word that makes another map.
    """
    if not view.firmware or not view.zones or not understood(view.words):
        return None
    return expected_memory(header.layout, view, high_frames=uses_high_frames(header))


def broken_at_boot(header: Header, view: BootView) -> Iterator[str]:
    """The rules that the boot has broken, each with its reason, as ``rule: detail``."""
    if expected := expected_at_boot(header, view):
        account = MemoryAccount(header.layout, view, expected)
        for memory_rule in memory_rules.RULES:
            yield from memory_rule(account)
    for layout_rule in layout_rules.RULES:
        yield from layout_rule(MappedLayout(view.areas, view.mapped))
