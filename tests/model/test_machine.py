"""A machine: what it is told by, and protections that a kernel without PAT does not know."""

from dataclasses import fields

import pytest

from harness.model.records.layout import PTE_NX
from harness.model.records.machine import Machine, iomap_protection
from tests.model.kinds import of_kind

pytestmark = pytest.mark.judges("machine")

KERNEL = PTE_NX | 0x163


@pytest.mark.parametrize("bit", [0x008, 0x010, 0x080], ids=["PWT", "PCD", "PAT"])
def test_without_pat_any_cache_mode_but_write_back_is_uncached(bit):
    asked = 0x161 | bit
    assert iomap_protection(asked, KERNEL, pat=False) == KERNEL | 0x010
    assert iomap_protection(asked, KERNEL, pat=True) == asked


def test_write_back_is_left_as_it_is():
    others = 0xFFF & ~0x098
    assert iomap_protection(others, KERNEL, pat=False) == others


def test_a_machine_is_told_by_what_it_was_made_of():
    made = [
        "layout",
        "pages",
        "tasks",
        "prots",
        "iomap_prots",
        "to_page_local",
        "missing",
        "flatmem",
    ]
    assert [one.name for one in fields(Machine) if one.init] == made
    assert [one.name for one in fields(Machine) if one.repr] == made
    assert [one.name for one in fields(Machine) if not one.compare] == ["ids"]
    assert hash(of_kind("local")) == hash(of_kind("local"))
