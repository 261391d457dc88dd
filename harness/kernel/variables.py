"""Variables of the kernel that are not what the module takes them for, by the ELF file alone.

A patch may give a variable another type, or each CPU one of its own, and leave its name.  The
symbol table has the size and the section of each.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile

from harness.kernel.kernel_record import Kernel

_SYMBOL: Final = struct.Struct("<IIIBBH")
"""Elf32_Sym: name, value, size, info, other, section."""
_INT: Final = 4
_PER_CPU: Final = ".data..percpu"
_FIRST_RESERVED: Final = 0xFF00


class OddVariable(NamedTuple):
    """A variable that shows something else, and how the ELF file tells that."""

    name: str
    reason: str


class _Variable(NamedTuple):
    """One variable as the symbol table has it."""

    name: str
    size: int
    section: str


def odd_variables(kernel: Kernel) -> tuple[OddVariable, ...]:
    """Variables of *kernel* of another size or section than the module reads; of each the first.

    An image without a symbol table, such as a stock kernel's, shows none.
    """
    sizes = {
        "pkmap_count": _INT * kernel.architecture.paging.pkmap_slots[kernel.pae],
        "last_pkmap_nr": _INT,
        "pkmap_map_wait": None,
    }
    found: dict[str, OddVariable] = {}
    for one in _variables(kernel.vmlinux, tuple(sizes)) if kernel.vmlinux else ():
        wanted = sizes[one.name]
        if one.section.startswith(_PER_CPU):
            found.setdefault(one.name, OddVariable(one.name, f"{one.name} is one of each CPU"))
        elif wanted is not None and one.size != wanted:
            reason = f"{one.name} has {one.size} bytes, not {wanted}: it is of another type"
            found.setdefault(one.name, OddVariable(one.name, reason))
    return tuple(found.values())


def _variables(vmlinux: Path, names: tuple[str, ...]) -> Iterator[_Variable]:
    """The symbols of *names*; those of functions have a suffix of gcc's, which is left out.

    The table has a hundred thousand symbols.  So the names are looked up first.
    """
    with vmlinux.open("rb") as file:
        try:
            elf = ELFFile(file)
            table = elf.get_section_by_name(".symtab")
            strings = elf.get_section_by_name(".strtab")
        except ELFError:
            return
        if table is None or strings is None:
            return
        places = _places(bytes(strings.data()), names)
        for name, _, size, _, _, section in _SYMBOL.iter_unpack(table.data()):
            if name in places and 0 < section < _FIRST_RESERVED:
                yield _Variable(places[name], size, elf.get_section(section).name)


def _places(strings: bytes, names: tuple[str, ...]) -> dict[int, str]:
    """The offset of each of *names* in the table of strings, also at the end of a longer name."""
    pattern = re.compile(rb"(%s)(?:\.\d+)?(?=\0)" % "|".join(names).encode())
    return {one.start(): one[1].decode() for one in pattern.finditer(strings)}
