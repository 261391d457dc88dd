"""The addresses that the module decoded, compared with the kernel's System.map if there is one."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.base.system_map import map_symbols
from harness.guest.protocol import GuestFacts

ANCHOR = "kunmap_high"
DECODED = (
    "pkmap_count",
    "last_pkmap_nr",
    "pkmap_page_table",
    "pkmap_map_wait",
    "page_address_htable",
)
"""Fields of GuestFacts, and the names of their symbols."""


def read_symbols(system_map: Path) -> Mapping[str, int]:
    """The addresses of ANCHOR and DECODED, as ``map_symbols`` finds them."""
    return map_symbols(system_map, (ANCHOR, *DECODED))


def kaslr_offset(symbols: Mapping[str, int], facts: GuestFacts) -> int | None:
    """Bytes by which the kernel was moved; None where the map does not say."""
    anchor = symbols.get(ANCHOR)
    return None if anchor is None else facts.text_anchor - anchor


def symbol_contradictions(symbols: Mapping[str, int], facts: GuestFacts) -> Iterator[str]:
    """Every decoded address that differs from the map's; an address that was not found does
    not.
    """
    offset = kaslr_offset(symbols, facts)
    for name in DECODED if offset is not None else ():
        found, mapped = getattr(facts, name), symbols.get(name)
        if found and mapped is not None and found != mapped + (offset or 0):
            yield f"{name} was decoded as {found:#x}, System.map says {mapped + (offset or 0):#x}"
