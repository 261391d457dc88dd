"""What the module has done, read from outside: also when the guest is silent or dead."""

from typing import NamedTuple

from harness.guest import protocol
from harness.guest.memory import PhysicalMemory
from harness.guest.pagetable import PageTables
from harness.model.records.layout import Layout


class Work(NamedTuple):
    """``struct kmh_work``: steps finished, requests that reached the module, those of them it has finished."""

    steps: int
    begun: int
    ended: int


def read_work(memory: PhysicalMemory, layout: Layout, facts: protocol.GuestFacts) -> Work | None:
    """The module's counters; None where the page tables do not lead there any more."""
    tables = PageTables(facts.swapper_pg_dir - layout.page_offset, layout.pae)
    try:
        return Work(
            *protocol.WORK.unpack(tables.read(memory, facts.step_counter, protocol.WORK.size))
        )
    except LookupError:
        return None
