"""The addresses that the module decoded, compared with the kernel's System.map if there is one."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.guest.protocol import GuestFacts

ANCHOR = "kunmap_high"
DECODED = (
    "pkmap_count",
    "last_pkmap_nr",
    "pkmap_page_table",
    "pkmap_map_wait",
    "page_address_htable",
)
"""Fields of GuestFacts, and the names of their symbols.

gcc gives static variables of functions a suffix, which is not part of the name here.
"""


def read_symbols(system_map: Path) -> Mapping[str, int]:
    """The addresses of ANCHOR and DECODED, without gcc's suffixes; of several the last.

    Each name is searched for by itself, which takes a tenth of the time of looking at every line.
    """
    text = "\n" + system_map.read_text(encoding="ascii", errors="replace") + "\n"
    found = (
        (name, tuple(re.finditer(rf" {name}(?:\.\S*)?\n", text))) for name in (ANCHOR, *DECODED)
    )
    return {name: _address(text, matches[-1].start()) for name, matches in found if matches}


def _address(text: str, end: int) -> int:
    """The number with which the line begins that has its name at *end*."""
    return int(text[text.rindex("\n", 0, end) + 1 : end].split(maxsplit=1)[0], 16)


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
