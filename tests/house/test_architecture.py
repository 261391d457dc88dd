"""What belongs to one processor stands in harness/architecture, and nowhere else."""

import ast
import re
from collections.abc import Iterator

from tests.house.source_tree import modules

TEXTS = re.compile(
    r"\bi[3-6]86\b|[xX]86|qemu-system|EM_386|bzImage|PHYS32_ENTRY|\bCR[034]\b|ttyS\d|pvpanic"
    r"|qemu32|Nehalem|virtio[-_]pci|tsc_early|acpi=|\bE?FLAGS\b|PTI_PGTABLE"
)
NUMBERS = frozenset({0x000F_FFFF_FFFF_F000, 0xC000_0000, 0xE000_0000})
"""The frame of a page-table entry, the beginning of the direct map, and of the hole in RAM."""

HOME = "harness.architecture."
ALLOWED = {
    "harness.model.records.layout": "the model's own record of page-table entries",
    "harness.model.search.standard_machines": "the machines that explorations start from",
    "harness.claims.persistent": "the claim is about this processor",
    "harness.report.check_mail": "says to readers of a mail what was judged",
    "harness.cli.main": "says to users what the project judges",
    "harness.cli.options": "help texts name the images that users have",
}
"""Modules that may name a processor, each with the reason.  This table only shrinks."""


def found_in(tree: ast.Module) -> Iterator[str]:
    """Every text and number of the code that belongs to one processor; prose does not count."""
    prose = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or node in prose:
            continue
        if isinstance(node.value, str) and TEXTS.search(node.value):
            yield node.value
        elif type(node.value) is int and node.value in NUMBERS:
            yield hex(node.value)


def test_other_rooms_reach_the_processor_through_the_record():
    found = {
        name: sorted(set(found_in(tree)))
        for name, tree in modules().items()
        if not name.startswith(HOME)
    }
    wrong = {name: texts for name, texts in found.items() if texts and name not in ALLOWED}
    assert wrong == {}


def test_every_exception_is_needed():
    trees = modules()
    assert [name for name in ALLOWED if not list(found_in(trees[name]))] == []
