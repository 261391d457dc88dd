"""The module's table of operations says the same as the model's, flag by flag."""

import re
import struct
import subprocess
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile

from harness.model.records.helper import HELPERS, HelperFlag
from harness.model.records.operation import OPERATIONS, OperationFlag
from harness.model.records.page import FOLIO_PAGES
from tests.guest.header import COMPILER, read_header

KMOD = Path(__file__).parents[2] / "kmod"
STUBS = """
#include "protocol.h"
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
typedef __u8 u8;
typedef __u32 u32;
struct kmh_op_kind { u32 flags; };
struct kmh_helper_kind { u32 flags; };
"""
"""What kmod/op_kinds.c and kmod/helper_kinds.c use of kmh.h, which needs the kernel's headers."""


def table_of(source, workdir, name="kmh_op_kinds"):
    """The flags of each row of a table, from the object that the compiler makes of *source*."""
    text = re.sub(r'#include "kmh.h"\n', lambda _: STUBS, source)
    (workdir / "op_kinds.c").write_text(text)
    compiled = workdir / "op_kinds.o"
    command = [COMPILER, f"-I{KMOD}", "-c", "-o", compiled, workdir / "op_kinds.c"]
    subprocess.run(command, check=True)
    with compiled.open("rb") as stream:
        elf = ELFFile(stream)
        (table,) = elf.get_section_by_name(".symtab").get_symbol_by_name(name)
        section = elf.get_section(table["st_shndx"]).data()
        data = section[table["st_value"] : table["st_value"] + table["st_size"]]
    return [flags for (flags,) in struct.iter_unpack("<I", data)]


@pytest.fixture(scope="module")
def source():
    return (KMOD / "op_kinds.c").read_text()


def test_the_two_tables_are_equal(source, tmp_path):
    theirs = dict(enumerate(table_of(source, tmp_path)))
    assert theirs == {int(code): int(kind.flags) for code, kind in OPERATIONS.items()}


def test_the_tables_of_helpers_are_equal(tmp_path):
    source = (KMOD / "helper_kinds.c").read_text()
    theirs = dict(enumerate(table_of(source, tmp_path, "kmh_helper_kinds")))
    assert theirs == {number: int(kind.flags) for number, kind in HELPERS.items()}


def test_helpers_have_the_same_numbers_and_flags(tmp_path):
    header = read_header(tmp_path)
    numbers = {f"KMH_HELPER_{kind.word.upper()}": number for number, kind in HELPERS.items()}
    assert header.enums["kmh_helper"] == numbers
    ours = {f"KMH_HELPER_{flag.name}": int(flag) for flag in HelperFlag}
    assert {name: value for name, value in header.flags.items() if name in ours} == ours
    text = (KMOD / "protocol_helper.h").read_text()
    assert re.search(rf"^#define KMH_HELPERS\s+{len(HELPERS)}$", text, re.MULTILINE)
    order = re.search(r"^#define KMH_FOLIO_ORDER\s+(\d+)", text, re.MULTILINE)
    assert 1 << int(order[1]) == FOLIO_PAGES


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
