"""Exported modules: they build, pass on a correct kernel, and fail on a broken one."""

from functools import partial
from pathlib import Path

import pytest

from harness.base import project
from harness.base.progress import Quiet
from harness.export import emission
from harness.export.emission import EmitAs, emitted, exported_program
from harness.export.expressible import Era
from harness.export.kernel_source import KBUILD, MODULE_FILE, exported, module_source
from harness.export.trial import tried
from harness.guest.failure import AgentError
from harness.guest.protocol import RequestType
from harness.guest.shape_words import parse_shape
from harness.guest.template import start
from harness.kernel.build import build_module
from harness.model.records.operation import OpCode, Operation
from harness.model.records.page import PageKind
from harness.run.prepare import prepare
from harness.run.scenario_files import scenario_files
from harness.run.usual_machine import usual_machine
from harness.scenario.program import Program
from harness.scenario.scenario_parser import read_scenario
from tests.acceptance.local_bugs import A20, A21, A26
from tests.acceptance.patched import with_bug

pytestmark = pytest.mark.guest

STACK, LOCAL = "debian-5.10-686-pae", "debian-6.1-686-pae"
BROKEN = [
    (A20, "local-sleep", "is not present"),
    (A21, "local-sleep", "0x701, not 0x700"),
    (A26, "local-hardirq", "depth is 0x1, not 0x0"),
]


def module(folder, kernel, *names):
    prepared = prepare(kernel, None, Quiet())
    era = Era(prepared.kernel.version[:2], prepared.kernel.version[:2])
    files = scenario_files([Path(name) for name in names], project.SCENARIOS)
    cases = [exported(path.stem, read_scenario(path), era) for path in files]
    folder.mkdir()
    (folder / MODULE_FILE).write_text(module_source(cases, era))
    (folder / "Kbuild").write_text(KBUILD + "ccflags-y := -Werror\n")
    return prepared, build_module(prepared.kernel, folder).stripped


def said(folder, names, bug=None):
    """What the kernel said of the cases.

    The agent complains in either case: of a module that it cannot load, or that is not ours.
    """
    prepared, ko = module(folder / "module", LOCAL, *names)
    shape = usual_machine(parse_shape("smp=2"), prepared.kernel)
    launch = with_bug(prepared.kernel, bug) if bug else start
    with launch(prepared.parts(shape), folder) as guest:
        with pytest.raises(AgentError):
            guest.ask(RequestType.LOAD, ko.read_bytes())
        guest.await_complaint()
    return (folder / "console.log").read_text()


@pytest.mark.parametrize("kernel", [STACK, LOCAL])
def test_all_cases_build_for_a_stock_kernel(kernel, tmp_path):
    assert module(tmp_path / "module", kernel)[1].is_file()


def test_a_correct_kernel_passes(tmp_path):
    names = sorted({scenario for _, scenario, _ in BROKEN})
    console = said(tmp_path, names)
    for name in names:
        assert f"highmem_module: PASS {name}\n" in console, console
    assert f"highmem_module: 0 of {len(names)} cases failed\n" in console


@pytest.mark.parametrize(("bug", "scenario", "what"), BROKEN)
def test_a_broken_kernel_fails_with_the_name_of_the_scenario(bug, scenario, what, tmp_path):
    console = said(tmp_path, [scenario], bug)
    told = [line for line in console.splitlines() if f"FAIL {scenario}: step " in line]
    assert told, console
    assert any(what in line for line in told), told
    assert "highmem_module: 1 of 1 cases failed\n" in console
    assert "loading kmap_harness: Invalid argument" in console


@pytest.mark.parametrize(("bug", "ends"), [(A20, "FAIL found-1: step "), (None, "PASS found-1")])
def test_a_finding_as_a_module_fails_on_its_kernel_only(bug, ends, tmp_path, monkeypatch):
    prepared = prepare(LOCAL, None, Quiet())
    shape = usual_machine(parse_shape("smp=2"), prepared.kernel)
    if bug:
        launch = with_bug(prepared.kernel, bug)
        monkeypatch.setattr(emission, "tried", partial(tried, launch=launch))
    operations = (
        Operation(OpCode.KMAP_LOCAL, 0, 0, 0),
        Operation(OpCode.SLEEP, 0, value=1000),
        Operation(OpCode.READ, 0, reg=0),
        Operation(OpCode.KUNMAP_LOCAL, 0, reg=0),
    )
    program = Program("found-1", (0,), ((PageKind.HIGH, 1),), operations)
    found = exported_program(program, (), Era.only(prepared.kernel.version))
    one = emitted(found, EmitAs.MODULE, prepared, shape, tmp_path)
    assert one.path.is_file()
    assert one.says.startswith(ends)
