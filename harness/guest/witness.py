"""The outside witness: what the mappings are, read without the kernel's help.

The machine is stopped, a page directory that maps the kernel is found, and the harness
walks it in the memory file.  Of what the guest says only the layout's constants are used.
"""

from collections.abc import Iterable, Iterator
from struct import iter_unpack
from typing import NamedTuple

from harness.guest.failure import WireError
from harness.guest.memory import PhysicalMemory
from harness.guest.monitor import CpuRegisters, Monitor
from harness.guest.pagetable import PRESENT, PageTables
from harness.model.records.layout import TYPED_FIRST, Layout

BESIDE = 4
"""Fixmap entries beside the windows that are read as well."""

PTI_PAIR = 0x1000
"""The bit of CR3 that tells the user half of a PTI pair (PTI_PGTABLE_SWITCH_BIT, arch/x86, 4.19 on)."""

PROBES = (0x0010_0000, 0x0100_0000, 0x0200_0000)
"""Physical addresses that every i386 kernel has in its direct map."""


class PageTableView(NamedTuple):
    """What the page tables say.

    ``ptes`` has one entry per pkmap slot; ``windows`` are ``(fixmap index, pte)`` of every entry
    that is not none, in and up to four beside the windows; ``counts`` is ``pkmap_count`` where its
    address was given.  ``found`` says where the page directory came from.
    """

    ptes: tuple[int, ...]
    windows: tuple[tuple[int, int], ...]
    counts: tuple[int, ...]
    found: str


class Root(NamedTuple):
    """A page directory and how it was found."""

    tables: PageTables
    found: str


def maps_kernel(tables: PageTables, memory: PhysicalMemory, layout: Layout) -> bool:
    """Whether *tables* hold the direct map as it must be, and a page of PTEs for pkmap."""
    try:
        return bool(tables.directory_entry(memory, layout.pkmap_base) & PRESENT) and all(
            tables.translate(memory, layout.page_offset + physical) == physical
            for physical in PROBES
        )
    except LookupError:
        return False


def candidates(
    registers: Iterable[CpuRegisters], memory: PhysicalMemory, pae: bool
) -> Iterator[Root]:
    """Page directories to try, the likely ones first: each CPU's, its PTI half, then every page there is."""
    cpus = tuple(registers)
    for cpu in cpus:
        yield Root(PageTables(cpu.cr3, cpu.pae), f"CR3 of CPU {cpu.cpu}")
    for cpu in cpus:
        yield Root(
            PageTables(cpu.cr3 ^ PTI_PAIR, cpu.pae), f"the other half of CR3 of CPU {cpu.cpu}"
        )
    for address in memory.pages():
        yield Root(PageTables(address, pae), f"a scan of memory: {address:#x}")


def find_root(registers: Iterable[CpuRegisters], memory: PhysicalMemory, layout: Layout) -> Root:
    """A page directory that maps the kernel.  Raises WireError where there is none."""
    for root in candidates(registers, memory, layout.pae):
        if maps_kernel(root.tables, memory, layout):
            return root
    raise WireError(
        "no page directory maps the kernel", hint="the layout does not belong to this guest"
    )


def look(
    monitor: Monitor, memory: PhysicalMemory, layout: Layout, pkmap_count: int = 0
) -> PageTableView:
    """Stop the machine, read, let it go on.  *pkmap_count* is a virtual address, 0 for not known."""
    monitor.stop()
    try:
        return read_view(
            find_root(monitor.registers(), memory, layout), memory, layout, pkmap_count
        )
    finally:
        monitor.resume()


def read_view(
    root: Root, memory: PhysicalMemory, layout: Layout, pkmap_count: int = 0
) -> PageTableView:
    """What *root* says about the mappings of *layout*."""
    counts = root.tables.read(memory, pkmap_count, layout.last_pkmap * 4) if pkmap_count else b""
    return PageTableView(
        ptes=root.tables.entries(memory, layout.pkmap_base, layout.last_pkmap),
        windows=_windows(root.tables, memory, layout),
        counts=tuple(count for (count,) in iter_unpack("<i", counts)),
        found=root.found,
    )


def _windows(
    tables: PageTables, memory: PhysicalMemory, layout: Layout
) -> tuple[tuple[int, int], ...]:
    """Addresses fall as indices rise: read upwards from the last index, then turn round."""
    first, last = max(0, layout.fix_kmap_begin - BESIDE), layout.fix_kmap_end + BESIDE
    upwards = tables.entries(memory, layout.fixaddr(last), last - first + 1)
    found = tuple((first + n, pte) for n, pte in enumerate(reversed(upwards)) if pte)
    return found + _typed(tables, memory, layout)


def _typed(
    tables: PageTables, memory: PhysicalMemory, layout: Layout
) -> tuple[tuple[int, int], ...]:
    """The module's typed window; its addresses fall too."""
    count = layout.typed_count
    if not count:
        return ()
    upwards = tables.entries(memory, layout.fixaddr(TYPED_FIRST + count - 1), count)
    return tuple((TYPED_FIRST + n, pte) for n, pte in enumerate(reversed(upwards)) if pte)
