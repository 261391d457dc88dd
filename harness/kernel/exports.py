"""The symbols that a kernel exports to modules, and their CRCs."""

import struct
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import Section

# struct kernel_symbol with CONFIG_HAVE_ARCH_PREL32_RELOCATIONS (4.19, commit 7290d5809571):
# three 32-bit offsets, each relative to its own place: value, name, namespace.
_SYMBOL = struct.Struct("<iii")
_NAME_FIELD = 4


def symvers_crcs(path: Path) -> Mapping[str, int]:
    """CRCs by symbol of a ``Module.symvers``; empty where there is none."""
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return {}
    fields = (line.split("\t") for line in lines)
    return {symbol: int(crc, 16) for crc, symbol, *_ in fields}


@cache
def exported_crcs(vmlinux: Path) -> Mapping[str, int]:
    """Return CRCs by symbol from the image; empty without MODVERSIONS or section headers."""
    crcs: dict[str, int] = {}
    with vmlinux.open("rb") as file:
        elf = ELFFile(file)
        strings = elf.get_section_by_name("__ksymtab_strings")
        for kind in ("", "_gpl"):
            symbols = elf.get_section_by_name(f"__ksymtab{kind}")
            table = elf.get_section_by_name(f"__kcrctab{kind}")
            if strings and symbols and table:
                values = struct.unpack(f"<{table['sh_size'] // 4}I", table.data())
                crcs.update(zip(_names(symbols, strings), values, strict=False))
    return crcs


def _names(symbols: Section, strings: Section) -> Iterator[str]:
    text, base = bytes(strings.data()), int(strings["sh_addr"])
    for index, (_, name, _) in enumerate(_SYMBOL.iter_unpack(symbols.data())):
        place = symbols["sh_addr"] + index * _SYMBOL.size + _NAME_FIELD
        start = place + name - base
        yield text[start : text.index(b"\0", start)].decode("ascii")
