"""The module's DWARF against the harness and the guest: a mismatch is an error that says which."""

import dataclasses
from types import SimpleNamespace

import pytest

from harness.kernel.dwarf import DwarfFacts, StructMember, Structure
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode
from harness.run.wire_check import (
    STRUCTURES,
    WireMismatchError,
    layout_contradictions,
    require_wire,
)
from tests.compare.model_guest import LOCAL

NUMBERS = {f"KMH_OP_{code.name}": int(code) for code in OpCode} | {
    f"KMH_ST_{status.name}": int(status) for status in Status
}
FIXMAP = {"FIX_KMAP_BEGIN": LOCAL.fix_kmap_begin, "FIX_KMAP_END": LOCAL.fix_kmap_end}
SIZES = {name: Structure(mine.size, {}) for name, mine in STRUCTURES.items()}
KERNEL = {
    "page": Structure(40, {}),
    "task_struct": Structure(4000, {"kmap_ctrl": StructMember(1996, 132)}),
}
DWARF = DwarfFacts("kmap_harness.ko", {}, NUMBERS | FIXMAP, SIZES | KERNEL)
FACTS = SimpleNamespace(struct_page_size=40, kmap_ctrl_offset=1996)


def with_constant(name, value):
    return dataclasses.replace(DWARF, constants=DWARF.constants | {name: value})


def test_the_wire_agrees():
    require_wire(DWARF)
    assert not tuple(layout_contradictions(DWARF, LOCAL, FACTS))


def test_another_number_of_an_operation_is_named():
    with pytest.raises(WireMismatchError, match="KMH_OP_KUNMAP is 7 there and 2 here"):
        require_wire(with_constant("KMH_OP_KUNMAP", 7))


def test_another_size_of_a_structure_is_named():
    other = dataclasses.replace(DWARF, structs=DWARF.structs | {"kmh_obs": Structure(60, {})})
    with pytest.raises(WireMismatchError, match=r"struct kmh_obs is 60 there and [0-9]+ here"):
        require_wire(other)


@pytest.mark.parametrize(
    ("dwarf", "facts", "words"),
    [
        (with_constant("FIX_KMAP_BEGIN", 67), FACTS, "FIX_KMAP_BEGIN is 68 in the guest and 67"),
        (
            DWARF,
            SimpleNamespace(struct_page_size=32, kmap_ctrl_offset=1996),
            "sizeof(struct page) is 32",
        ),
        (
            DWARF,
            SimpleNamespace(struct_page_size=40, kmap_ctrl_offset=8),
            "kmap_ctrl is 8 in the guest",
        ),
    ],
)
def test_a_guest_that_is_not_what_was_compiled_is_named(dwarf, facts, words):
    assert words in "; ".join(layout_contradictions(dwarf, LOCAL, facts))
