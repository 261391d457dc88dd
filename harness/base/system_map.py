"""Addresses of symbols, from the System.map of a kernel."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path


def map_symbols(system_map: Path, names: Iterable[str]) -> Mapping[str, int]:
    """The addresses of those of *names* that the map has; of several equal names the last.

    gcc gives static variables of functions a suffix, which is not part of the name here.  Each
    name is searched for by itself: looking at every line takes ten times as long.
    """
    text = "\n" + system_map.read_text(encoding="ascii", errors="replace") + "\n"
    found = ((name, tuple(re.finditer(rf" {name}(?:\.\S*)?\n", text))) for name in names)
    return {name: _address(text, matches[-1].start()) for name, matches in found if matches}


def _address(text: str, end: int) -> int:
    """The number with which the line begins that has its name at *end*."""
    return int(text[text.rindex("\n", 0, end) + 1 : end].split(maxsplit=1)[0], 16)
