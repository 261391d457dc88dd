"""ATTRIBUTE: a page gets other attributes, and its own back; it has an alias in the vmalloc area.

Source: arch/x86/mm/pat/set_memory.c (5.10, 6.1, 7.3).  ``set_pages_array_uc`` and ``_wc`` change
the direct map; ``set_memory_ro`` of the alias changes both (``cpa_process_alias``).
"""

from harness.model.records.attribute import STORES_SHIFT, AttributeFound
from harness.model.records.errand import NOWHERE
from harness.model.records.observation import UNCLAIMED
from harness.model.records.operation import Prot
from harness.model.rules.draft import Draft


def attribute(d: Draft) -> None:
    """No CPU stores to a page that is read-only; every CPU does to others."""
    d.rule = f"attribute.{d.op.prot.name.lower()}"
    d.flush_scans = UNCLAIMED
    d.value = _found(d)


def _found(d: Draft) -> int:
    low, read_only = not d.machine.pages[d.op.page].highmem, d.op.prot is Prot.RO
    found = AttributeFound.RESTORED
    found |= AttributeFound.DIRECT if low else found
    found |= AttributeFound.ALIAS if read_only else found
    if read_only:
        return int(found)
    cpus = d.machine.layout.online_cpus - (d.state.offline != NOWHERE)
    return int(found) | (cpus * low | cpus << 8) << STORES_SHIFT
