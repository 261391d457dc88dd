"""The text of a kernel and its symbols, as its ELF image and System.map have them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from harness.kernel.kernel_record import Kernel

_SYMBOL: Final = re.compile(r"^([0-9a-f]+) (\w) (\S+)$", re.MULTILINE)
_EXECUTABLE: Final = 4
"""``SHF_EXECINSTR``."""
_GONE: Final = (".init", ".exit", ".altinstr")
"""How the names of executable sections begin that are no part of a running kernel's text."""


@dataclass(frozen=True, slots=True)
class CodeSection:
    """One executable section."""

    address: int
    code: bytes


@dataclass(frozen=True, slots=True)
class KernelText:
    """The code of a kernel, and the addresses of its functions and of its variables by name."""

    sections: tuple[CodeSection, ...]
    symbols: Mapping[str, int]
    data: Mapping[str, int]

    def read(self, start: int, end: int) -> bytes:
        """Return the code from *start* to *end*; nothing where there is none."""
        for section in self.sections:
            offset = start - section.address
            if 0 <= offset < len(section.code):
                return section.code[offset : end - section.address]
        return b""

    def constants(self, value: int) -> Iterator[int]:
        """The addresses of all places in the code that hold the four bytes of *value*."""
        wanted = re.compile(re.escape(value.to_bytes(4, "little")))
        for section in self.sections:
            for found in wanted.finditer(section.code):
                yield section.address + found.start()


def read_kernel_text(kernel: Kernel) -> KernelText | None:
    """Return the text of *kernel*; None without its ELF image or a complete System.map."""
    if kernel.vmlinux is None or kernel.system_map is None:
        return None
    try:
        sections = tuple(_sections(kernel.vmlinux))
    except ELFError:
        return None
    said = kernel.system_map.read_text(encoding="ascii", errors="replace")
    symbols: dict[str, int] = {}
    data: dict[str, int] = {}
    for address, kind, name in _SYMBOL.findall(said):
        (symbols if kind in "tTwW" else data).setdefault(name, int(address, 16))
    return KernelText(sections, symbols, data)


def _sections(vmlinux: Path) -> Iterator[CodeSection]:
    with vmlinux.open("rb") as file:
        for section in ELFFile(file).iter_sections("SHT_PROGBITS"):
            if section["sh_flags"] & _EXECUTABLE and not section.name.startswith(_GONE):
                yield CodeSection(section["sh_addr"], bytes(section.data()))
