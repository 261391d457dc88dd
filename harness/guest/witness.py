"""The outside witness: what the mappings are, read without the kernel's help.

The machine is stopped, a page directory that maps the kernel is found, and the harness
walks it in the memory file.  Of what the guest says only the layout's constants are used.
"""

from collections.abc import Iterable, Iterator
from struct import iter_unpack
from typing import NamedTuple

from harness.architecture.address_space import AddressSpace, CpuState
from harness.architecture.architecture import Architecture
from harness.guest.failure import WireError
from harness.guest.memory import PhysicalMemory
from harness.guest.monitor import Monitor
from harness.model.records.layout import TYPED_FIRST, Layout

BESIDE = 4
"""Fixmap entries beside the windows that are read as well."""


class PageTableView(NamedTuple):
    """The contents of the page tables.

    ``ptes`` has one entry per pkmap slot; ``windows`` are ``(fixmap index, pte)`` of every entry
    that is not none, in and up to four beside the windows; ``counts`` is ``pkmap_count`` where its
    address was given.  ``found`` says where the page directory came from.
    """

    ptes: tuple[int, ...]
    windows: tuple[tuple[int, int], ...]
    counts: tuple[int, ...]
    found: str


class Root(NamedTuple):
    """Page tables, and where they were found."""

    tables: AddressSpace
    found: str


class Witness(NamedTuple):
    """How to look at one guest: its architecture, its memory and its kernel's layout."""

    architecture: Architecture
    memory: PhysicalMemory
    layout: Layout

    def maps_kernel(self, tables: AddressSpace) -> bool:
        """Tell whether *tables* hold the direct map as it must be, and a table for pkmap."""
        memory, layout = self.memory, self.layout
        try:
            return tables.has_table(memory, layout.pkmap_base) and all(
                tables.translate(memory, layout.page_offset + physical) == physical
                for physical in self.architecture.paging.direct_map_probes
            )
        except LookupError:
            return False

    def candidates(self, cpus: Iterable[CpuState]) -> Iterator[Root]:
        """Yield page tables to try, the likely ones first.

        These are what each CPU uses, the isolated half of each, and then every page of memory.
        """
        states = tuple(cpus)
        register = self.architecture.cpu.root_register
        for cpu in states:
            yield Root(cpu.tables, f"{register} of CPU {cpu.cpu}")
        for cpu in states:
            found = f"the other half of {register} of CPU {cpu.cpu}"
            yield Root(cpu.tables.isolated_half(), found)
        for address in self.memory.pages():
            tables = self.architecture.paging.tables(address, self.layout.pae)
            yield Root(tables, f"a scan of memory: {address:#x}")

    def find_root(self, cpus: Iterable[CpuState]) -> Root:
        """Return page tables that map the kernel; raises WireError where there are none."""
        for root in self.candidates(cpus):
            if self.maps_kernel(root.tables):
                return root
        raise WireError(
            "no page tables map the kernel", hint="the layout does not belong to this guest"
        )

    def look(self, monitor: Monitor, pkmap_count: int = 0) -> PageTableView:
        """Stop the machine, read the mappings, and let it go on.

        *pkmap_count* is the virtual address of the kernel's array; 0 where it is not known.
        """
        monitor.stop()
        try:
            cpus = self.architecture.cpu.read_registers(monitor.registers())
            return self.view(self.find_root(cpus), pkmap_count)
        finally:
            monitor.resume()

    def view(self, root: Root, pkmap_count: int = 0) -> PageTableView:
        """Return what *root* says about the mappings."""
        memory, layout, tables = self.memory, self.layout, root.tables
        counts = tables.read(memory, pkmap_count, layout.last_pkmap * 4) if pkmap_count else b""
        return PageTableView(
            ptes=tables.entries(memory, layout.pkmap_base, layout.last_pkmap),
            windows=_windows(tables, memory, layout) + _typed(tables, memory, layout),
            counts=tuple(count for (count,) in iter_unpack("<i", counts)),
            found=root.found,
        )


def _windows(
    tables: AddressSpace, memory: PhysicalMemory, layout: Layout
) -> tuple[tuple[int, int], ...]:
    """Addresses fall as indices rise: read upwards from the last index, then turn round."""
    first, last = max(0, layout.fix_kmap_begin - BESIDE), layout.fix_kmap_end + BESIDE
    upwards = tables.entries(memory, layout.fixaddr(last), last - first + 1)
    return tuple((first + n, pte) for n, pte in enumerate(reversed(upwards)) if pte)


def _typed(
    tables: AddressSpace, memory: PhysicalMemory, layout: Layout
) -> tuple[tuple[int, int], ...]:
    """The module's typed window; its addresses fall too."""
    count = layout.typed_count
    if not count:
        return ()
    upwards = tables.entries(memory, layout.fixaddr(TYPED_FIRST + count - 1), count)
    return tuple((TYPED_FIRST + n, pte) for n, pte in enumerate(reversed(upwards)) if pte)
