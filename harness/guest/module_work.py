"""The module's progress, read from outside, so that silent and dead guests can be examined."""

from typing import NamedTuple

from harness.architecture.address_space import AddressSpace
from harness.architecture.architecture import Architecture
from harness.guest import protocol
from harness.guest.memory import PhysicalMemory
from harness.model.records.layout import Layout


class ModuleWork(NamedTuple):
    """``struct kmh_work``: counts of steps finished, and of requests begun and ended."""

    steps: int
    begun: int
    ended: int


def kernel_tables(
    architecture: Architecture, layout: Layout, facts: protocol.GuestFacts
) -> AddressSpace:
    """Return the kernel's own page tables (``swapper_pg_dir``)."""
    root = facts.swapper_pg_dir - layout.page_offset
    return architecture.paging.tables(root, layout.pae)


def read_module_work(
    memory: PhysicalMemory, tables: AddressSpace, facts: protocol.GuestFacts
) -> ModuleWork | None:
    """Return the module's counters; None where the page tables do not lead there any more."""
    try:
        return ModuleWork._make(
            protocol.WORK.unpack(tables.read(memory, facts.step_counter, protocol.WORK.size))
        )
    except LookupError:
        return None
