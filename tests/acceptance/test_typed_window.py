"""The scenarios that every guest runs find each bug in the C code of the typed window."""

import shutil
from typing import NamedTuple

import pytest

from harness.base import project
from harness.base.progress import Quiet
from harness.base.stopwatch import Stopwatch
from harness.compare.divergence import Layer, Verdict
from harness.guest.shape import Shape
from harness.run.main_job import judge
from harness.run.prepare import prepare
from harness.run.programs import read_plan
from harness.run.run_request import RunRequest

pytestmark = pytest.mark.guest

SCENARIOS = tuple(sorted(project.SCENARIOS.glob("typed-*.kmap")))


class Seeded(NamedTuple):
    """A line of kmod/typed.c, what it becomes, and the scenario and rule that show it first."""

    line: str
    becomes: str
    scenario: str
    rule: str


BUGS = {
    "wrong type table (A27)": Seeded(
        "*index = type + type_nr", "*index = (type ^ 1) + type_nr", "typed-data", "typed-place"
    ),
    "no CPU term (A1)": Seeded(
        "type_nr[era] * smp_processor_id()", "type_nr[era] * 0", "typed-same-twice", "typed-bug"
    ),
    "wrong slot at unmap": Seeded(
        "\tclear_entry(index);\n\tflush_address",
        "\tclear_entry(index + 1);\n\tflush_address",
        "typed-data",
        "typed-mapped",
    ),
    "no INVLPG (A7)": Seeded("\tflush_address(typed_address(index));\n", "", "typed-data", "data"),
    "no PTE clear (A6)": Seeded(
        "\tclear_entry(index);\n\tflush_address", "\tflush_address", "typed-data", "typed-mapped"
    ),
    "no check (A9)": Seeded(
        "PageHighMem(page) && kmh_typed_pte(index)", "0", "typed-same-twice", "typed-in-use"
    ),
    "any type unmaps (A28)": Seeded(
        "\tif ((out->address & PAGE_MASK) != typed_address(index))\n\t\treturn;\n",
        "\tindex = (kmh_typed_top - (out->address & PAGE_MASK)) >> PAGE_SHIFT;\n"
        "\tif (index >= kmh_typed_count)\n\t\treturn;\n",
        "typed-wrong-type",
        "typed-other",
    ),
}


def run(tmp_path, kernel, sources):
    prepared = prepare(kernel, None, Quiet(), sources=sources)
    plan = read_plan(SCENARIOS, 1, 0)
    return judge(prepared, RunRequest(kernel, None, Shape(), plan, tmp_path), Quiet(), Stopwatch())


@pytest.mark.thirds
@pytest.mark.parametrize("name", BUGS)
def test_a_bug_in_the_typed_window_is_found(name, tmp_path):
    bug = BUGS[name]
    sources = tmp_path / "kmod"
    shutil.copytree(project.MODULE_SOURCES, sources)
    text = (sources / "typed.c").read_text()
    assert text.count(bug.line) == 1
    (sources / "typed.c").write_text(text.replace(bug.line, bug.becomes))
    result = run(tmp_path, "debian-6.1-686-pae", sources)
    assert result.verdict is Verdict.DIVERGE
    first = next(one for one in result.divergences if one.layer is Layer.CONTRACT)
    assert (first.program, first.reasons[0].split(":")[0]) == (bug.scenario, bug.rule)


@pytest.mark.parametrize("kernel", ["debian-6.1-686-pae", "debian-5.10-686"])
def test_the_typed_window_itself_agrees(kernel, tmp_path):
    result = run(tmp_path, kernel, project.MODULE_SOURCES)
    assert result.verdict is Verdict.AGREE
    assert not result.not_applicable
    assert len(result.programs) == 1 + len(SCENARIOS) == 6  # the boot is a program
