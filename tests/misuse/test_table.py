"""The table of broken rules: complete, told in the docs, and strict in both directions."""

import pytest

from harness.base import project
from harness.misuse.case_judge import contradictions
from harness.misuse.misuse_case import ConsoleExpectation, cases
from harness.report.misuse_report import misuse_table

DOCS = project.SCENARIOS.parents[1] / "docs" / "broken-rules.md"
BUG, WARNING = (
    "kernel BUG at mm/highmem.c:368!",
    "WARNING: CPU: 0 PID: 66 at mm/highmem.c:610 f+0x1/0x2",
)
OOPS = "invalid opcode: 0000 [#1]"


def test_the_docs_have_the_table_as_it_is():
    told = [line for line in DOCS.read_text().splitlines() if line.startswith("|")]
    assert told == list(misuse_table(cases()))


def test_every_scenario_that_wrecks_a_kernel_is_in_the_table():
    wrecking = {
        path.stem
        for path in project.SCENARIOS.glob("*.kmap")
        if "throwaway"
        in next((x for x in path.read_text().splitlines() if x.startswith("requires:")), "")
    }
    assert wrecking <= {case.scenario for case in cases()}


def expected(*says, may=()):
    return ConsoleExpectation("pkmap", (), says, may, "")


@pytest.mark.parametrize(
    ("expectation", "said", "wrong"),
    [
        (expected(), (), 0),
        (expected(), (WARNING,), 1),
        (expected("^kernel BUG"), (BUG,), 0),
        (expected("^kernel BUG"), (), 1),
        (expected("^kernel BUG"), (WARNING,), 2),
        (expected("^kernel BUG"), (BUG, BUG), 1),
        (expected("^kernel BUG", "^WARNING"), (BUG, WARNING), 0),
        (expected("^kernel BUG", "^WARNING"), (WARNING, BUG), 2),
        (expected("^kernel BUG", may=("^invalid opcode",)), (BUG, OOPS, OOPS), 0),
        (expected("^kernel BUG", may=("^invalid opcode",)), (OOPS,), 1),
    ],
)
def test_absence_and_another_report_are_both_wrong(expectation, said, wrong):
    assert len(contradictions(expectation, said)) == wrong


@pytest.mark.parametrize(
    "place",
    [
        "CPU: 0 PID: 66 at {file}:610 {function}+0x1a3/0x1d0",  # 5.10 to 6.12
        "{file}:610 at {function}+0x1a3/0x1d0, CPU#0: kmh/0/66",  # 7.3
    ],
)
def test_a_warning_is_known_in_both_forms_in_which_kernels_name_its_place(place):
    warnings = {
        "local-wrong-order": ("mm/highmem.c", "kunmap_local_indexed"),
        "fork-mapped": ("mm/highmem.c", "kmap_local_fork"),
        "user-mode-mapped": ("include/linux/highmem-internal.h", "do_int80_syscall_32"),
    }
    for case in cases():
        if case.id in warnings:
            file, function = warnings[case.id]
            said = f"WARNING: {place.format(file=file, function=function)}"
            assert contradictions(case.expectations[-1], (said,)) == ()
