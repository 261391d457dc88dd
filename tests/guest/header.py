"""kmod/protocol.h as a C compiler sees it: structures by DWARF, flags by the preprocessor."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from elftools.elf.elffile import ELFFile

HEADER = Path(__file__).parents[2] / "kmod" / "protocol.h"
COMPILER = "i686-linux-gnu-gcc"
SIGNED = 5  # DW_ATE_signed


class Member(NamedTuple):
    name: str
    offset: int
    size: int
    signed: bool


class Header(NamedTuple):
    structs: dict[str, list[Member]]
    sizes: dict[str, int]
    enums: dict[str, dict[str, int]]
    flags: dict[str, int]


def read_header(workdir):
    source = workdir / "wire.c"
    source.write_text(f'#include "{HEADER}"\n')
    compiled = workdir / "wire.o"
    command = [
        COMPILER,
        "-g",
        "-gdwarf-4",
        "-fno-eliminate-unused-debug-types",
        "-c",
        "-o",
        compiled,
        source,
    ]
    subprocess.run(command, check=True)
    macros = subprocess.run(
        [COMPILER, "-E", "-dM", source], check=True, capture_output=True, text=True
    ).stdout
    flags = re.findall(r"^#define (KMH_\w+)\s+\(1u << (\d+)\)$", macros, re.MULTILINE)
    with compiled.open("rb") as stream:
        structs, sizes, enums = read_dwarf(ELFFile(stream).get_dwarf_info())
    return Header(structs, sizes, enums, {name: 1 << int(bit) for name, bit in flags})


def read_dwarf(dwarf):
    structs, sizes, enums = {}, {}, {}
    for unit in dwarf.iter_CUs():
        for die in unit.get_top_DIE().iter_children():
            name = text(die)
            if not name.startswith("kmh_"):
                continue
            if die.tag == "DW_TAG_structure_type":
                structs[name] = list(members(die))
                sizes[name] = die.attributes["DW_AT_byte_size"].value
            elif die.tag == "DW_TAG_enumeration_type":
                enums[name] = {
                    text(child): child.attributes["DW_AT_const_value"].value
                    for child in die.iter_children()
                }
    return structs, sizes, enums


def members(die):
    """Every scalar of a structure; each number of an array is a member, a text is a single one."""
    for child in die.iter_children():
        kind, count = resolved(child.get_DIE_from_attribute("DW_AT_type"))
        offset = child.attributes["DW_AT_data_member_location"].value
        size = kind.attributes["DW_AT_byte_size"].value
        signed = kind.attributes["DW_AT_encoding"].value == SIGNED
        if text(kind) == "char":
            yield Member(text(child), offset, size * count, False)
        else:
            yield from (Member(text(child), offset + n * size, size, signed) for n in range(count))


def resolved(die):
    """The base type behind typedefs and arrays, and how many of it."""
    count = 1
    while die.tag != "DW_TAG_base_type":
        if die.tag == "DW_TAG_array_type":
            (bounds,) = die.iter_children()
            count = bounds.attributes["DW_AT_upper_bound"].value + 1
        die = die.get_DIE_from_attribute("DW_AT_type")
    return die, count


def text(die):
    attribute = die.attributes.get("DW_AT_name")
    return attribute.value.decode() if attribute else ""
