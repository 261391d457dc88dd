"""What the module decoded, held against the kernel's real System.map where there is one."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.guest.protocol import Facts

ANCHOR = "kunmap_high"
DECODED = ("pkmap_count", "last_pkmap_nr", "pkmap_page_table", "pkmap_map_wait", "page_address_htable")
"""Fields of Facts and, but for a suffix that gcc gives to static variables of functions, symbols."""


def read_symbols(system_map: Path) -> Mapping[str, int]:
    """The addresses of ANCHOR and DECODED, without gcc's suffixes."""
    wanted = {ANCHOR, *DECODED}
    lines = (line.split() for line in system_map.read_text(encoding="ascii", errors="replace").splitlines())
    named = ((words[2].partition(".")[0], int(words[0], 16)) for words in lines if len(words) == 3)
    return {name: address for name, address in named if name in wanted}


def kaslr_offset(symbols: Mapping[str, int], facts: Facts) -> int | None:
    """Bytes by which the kernel was moved; None where the map does not say."""
    anchor = symbols.get(ANCHOR)
    return None if anchor is None else facts.text_anchor - anchor


def contradictions(symbols: Mapping[str, int], facts: Facts) -> Iterator[str]:
    """Every decoded address that is not the one of the map; one that was not found is no contradiction."""
    offset = kaslr_offset(symbols, facts)
    for name in DECODED if offset is not None else ():
        found, mapped = getattr(facts, name), symbols.get(name)
        if found and mapped is not None and found != mapped + (offset or 0):
            yield f"{name} was decoded as {found:#x}, System.map says {mapped + (offset or 0):#x}"
