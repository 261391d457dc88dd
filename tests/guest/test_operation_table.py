"""The module's table of operations says the same as the model's, flag by flag."""

import re
import struct
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from harness.model.records.operation import OPERATIONS, OperationFlag
from tests.guest.header import COMPILER, read_header

KMOD = Path(__file__).parents[2] / "kmod"
STUBS = """
#include "protocol.h"
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
typedef __u8 u8;
typedef __u32 u32;
struct kmh_op_kind { u32 flags; };
"""
"""What kmod/op_kinds.c uses of kmh.h, which needs the kernel's headers."""


def table_of(source, workdir):
    """The flags of each operation, from the object that the compiler makes of *source*."""
    text = re.sub(r'#include "kmh.h"\n', lambda _: STUBS, source)
    (workdir / "op_kinds.c").write_text(text)
    compiled = workdir / "op_kinds.o"
    command = [COMPILER, f"-I{KMOD}", "-c", "-o", compiled, workdir / "op_kinds.c"]
    subprocess.run(command, check=True)
    with compiled.open("rb") as stream:
        elf = ELFFile(stream)
        (table,) = elf.get_section_by_name(".symtab").get_symbol_by_name("kmh_op_kinds")
        section = elf.get_section(table["st_shndx"]).data()
        data = section[table["st_value"] : table["st_value"] + table["st_size"]]
    return [flags for (flags,) in struct.iter_unpack("<I", data)]


@pytest.fixture(scope="module")
def source():
    return (KMOD / "op_kinds.c").read_text()


def test_the_two_tables_are_equal(source, tmp_path):
    theirs = dict(enumerate(table_of(source, tmp_path)))
    assert theirs == {int(code): int(kind.flags) for code, kind in OPERATIONS.items()}


def test_a_flag_that_changes_on_one_side_is_noticed(source, tmp_path):
    row = "[KMH_OP_SLEEP] = { OP_SWITCH }"
    assert source.count(row) == 1
    changed = table_of(source.replace(row, row.replace(" }", " | F(LOCAL) }")), tmp_path)
    same = table_of(source, tmp_path)
    different = [code for code, (a, b) in enumerate(zip(same, changed, strict=True)) if a != b]
    assert different == [24]


def test_the_flags_have_the_same_bits(tmp_path):
    flags = read_header(tmp_path).flags
    theirs = {name: value for name, value in flags.items() if name.startswith("KMH_OPF_")}
    assert theirs == {f"KMH_OPF_{flag.name}": int(flag) for flag in OperationFlag}
