"""A kernel's layout of addresses, for every CPU that it could have; each rule broken once."""

import re
from dataclasses import dataclass

import pytest

from harness.model.boot import layout_rules
from harness.model.boot.address_area import AddressArea, AreaKind
from harness.model.boot.layout_rules import MappedLayout
from tests.package.conftest import ROOT

PAGE = 0x1000
DOCS = (ROOT / "docs" / "contract.md").read_text()
MAPPED = ((0xFFA00000, 0xFFA02000), (0xFFA2D000, 0xFFA2E000), (0xFFFFB000, 0xFFFFD000))


@dataclass(frozen=True)
class Kernel:
    """The constants of a kernel from which asm/pgtable_32_areas.h makes its areas."""

    cpus: int
    slots: int
    pmd: int
    window: int = 16
    entry: int = 43 * PAGE
    begin: int = 68

    def areas(self):
        """The areas as the module lists them."""
        top = 0xFFFFF000
        fixmap = top - (self.begin + self.window * self.cpus + 520) * PAGE
        entry = (fixmap - self.cpus * self.entry - PAGE) & -self.pmd
        ldt = (entry - PAGE) & -self.pmd
        pkmap = (ldt - PAGE) & -self.pmd
        yield AddressArea(AreaKind.DIRECT, 0, 0xC0000000, 0xF0000000)
        yield AddressArea(AreaKind.VMALLOC, 0, 0xF0800000, pkmap - 2 * PAGE)
        yield AddressArea(AreaKind.PKMAP, 0, pkmap, pkmap + self.slots * PAGE)
        yield AddressArea(AreaKind.LDT, 0, ldt, ldt + self.pmd)
        yield AddressArea(AreaKind.ENTRY, 0, entry, entry + PAGE + self.cpus * self.entry)
        yield AddressArea(AreaKind.FIXMAP, 0, fixmap, top + PAGE)
        for cpu in range(self.cpus):
            first = entry + PAGE + cpu * self.entry
            yield AddressArea(AreaKind.CPU_ENTRY, cpu, first, first + self.entry)
            end = top - (self.begin + self.window * cpu - 1) * PAGE
            yield AddressArea(AreaKind.CPU_WINDOW, cpu, end - self.window * PAGE, end)


PAE = Kernel(8, 512, 0x200000)


def broken(areas, mapped=()):
    layout = MappedLayout(tuple(areas), mapped)
    return [(rule.__name__, reason) for rule in layout_rules.RULES for reason in rule(layout)]


@pytest.mark.parametrize("cpus", [1, 2, 8, 32, 64])
@pytest.mark.parametrize(("slots", "pmd"), [(512, 0x200000), (1024, 0x400000)])
def test_the_formulas_of_the_kernel_keep_all_areas_apart(cpus, slots, pmd):
    assert broken(Kernel(cpus, slots, pmd).areas()) == []


def changed(kind, cpu=0, **changes):
    return [
        one._replace(**changes) if (one.kind, one.cpu) == (kind, cpu) else one
        for one in PAE.areas()
    ]


def of(kind, cpu=0):
    return next(one for one in PAE.areas() if (one.kind, one.cpu) == (kind, cpu))


BROKEN = {
    "areas_apart": [
        (changed(AreaKind.VMALLOC, end=of(AreaKind.PKMAP).start + PAGE), "vmalloc"),
        (changed(AreaKind.LDT, start=of(AreaKind.PKMAP).end - PAGE), "overlaps the LDT"),
        (changed(AreaKind.ENTRY, end=of(AreaKind.FIXMAP).start + PAGE), "the fixmap"),
        (changed(AreaKind.DIRECT, end=of(AreaKind.VMALLOC).start + PAGE), "the direct map"),
        (changed(AreaKind.VMALLOC, end=0xF0800000), "no area of whole pages"),
        (changed(AreaKind.PKMAP, start=of(AreaKind.PKMAP).start + 8), "no area of whole pages"),
    ],
    "parts_apart": [
        (changed(AreaKind.CPU_WINDOW, 1, end=of(AreaKind.CPU_WINDOW).start + PAGE), "CPU 0"),
        (changed(AreaKind.CPU_WINDOW, 7, start=of(AreaKind.FIXMAP).start - PAGE), "not within"),
        (changed(AreaKind.CPU_ENTRY, 7, end=of(AreaKind.ENTRY).end + PAGE), "not within"),
        (changed(AreaKind.CPU_ENTRY, 3, start=of(AreaKind.CPU_ENTRY, 2).end - PAGE), "CPU 2"),
    ],
    "mapped_in_areas": [],
}


@pytest.mark.parametrize(
    ("rule", "areas", "words"),
    [(rule, *case) for rule, cases in BROKEN.items() for case in cases],
)
def test_areas_that_overlap_are_named(rule, areas, words):
    found = broken(areas)
    assert {name for name, _ in found} == {rule}
    assert any(words in reason for _, reason in found)


def test_what_is_mapped_lies_in_an_area():
    entry, fixmap = of(AreaKind.ENTRY), of(AreaKind.FIXMAP)
    fine = ((entry.start, entry.start + 2 * PAGE), (fixmap.end - 5 * PAGE, fixmap.end - PAGE))
    assert broken(PAE.areas(), fine) == []
    gap = (entry.end, entry.end + PAGE)
    across = (entry.end - PAGE, entry.end + PAGE)
    for stray in (gap, across, (0xF0400000, 0xF0401000)):
        found = broken(PAE.areas(), (*fine, stray))
        assert [(name, reason.partition(":")[0]) for name, reason in found] == [
            ("mapped_in_areas", "mapped")
        ]


def test_one_mistake_of_every_cpu_is_told_a_few_times():
    areas = [
        one._replace(end=one.end + PAGE) if one.kind is AreaKind.CPU_WINDOW else one
        for one in PAE.areas()
    ]
    assert len(broken(areas)) == 4


def test_every_rule_has_its_case_its_reason_and_its_row():
    names = [rule.__name__ for rule in layout_rules.RULES]
    assert names == list(BROKEN)
    assert all("ny correct kernel" in rule.__doc__ for rule in layout_rules.RULES)
    assert re.findall(r"^\| `layout_rules\.(\w+)` \|", DOCS, re.MULTILINE) == names
