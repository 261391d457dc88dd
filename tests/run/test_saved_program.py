"""A generated program in which the kernel diverged is kept, and the command runs it alone."""

import subprocess
import sys
from dataclasses import replace
from random import Random

import pytest

from harness.base import project
from harness.cli.run import _repeat
from harness.compare.divergence import ProgramResult
from harness.errors import InfrastructureError, KernelError
from harness.report.run_report import run_lines
from harness.report.run_value import run_value
from harness.run.saved_program import save_program, worth_saving
from harness.scenario.facts import Facts
from harness.scenario.generate import Wishes, generate
from harness.scenario.lowering import lower
from harness.scenario.program import boot
from harness.scenario.scenario_parser import read_scenario
from harness.trace.trace_records import Trouble
from tests.compare.model_guest import SMALL, program
from tests.report.sample import result, wrong_frame

GENERATED = generate(Facts(SMALL), Random(3), Wishes(100), name="random-3-0")
GOOD = ProgramResult("x", judged=1, complete=True)


@pytest.mark.parametrize(
    ("source", "found", "failure", "saved"),
    [
        (GENERATED, GOOD, None, False),
        (GENERATED, result(wrong=wrong_frame).results[0], None, True),
        (GENERATED, replace(GOOD, trouble=[Trouble(-1, "BUG", "a")]), None, True),
        (GENERATED, GOOD, KernelError("it hung"), True),
        (GENERATED, None, KernelError("it hung"), True),
        (GENERATED, replace(GOOD, complete=False), InfrastructureError("QEMU ended"), False),
        (program("tasks: a@0\na: nop\n"), None, KernelError("it hung"), False),
        (boot(), None, KernelError("it hung"), False),
    ],
)
def test_which_programs_are_kept(source, found, failure, saved):
    assert worth_saving(source, found, failure) is saved


def test_the_file_is_the_program(tmp_path):
    path = save_program(GENERATED, tmp_path)
    assert path == str(tmp_path / "random-3-0.kmap")
    assert lower(read_scenario(tmp_path / "random-3-0.kmap"), Facts(SMALL)).operations == (
        GENERATED.operations
    )
    assert save_program(GENERATED, tmp_path / "missing") == ""


def test_the_report_has_the_file_and_the_command():
    found = result(wrong=wrong_frame)
    kept = replace(found.programs[0], file="out/a b/random-3-0.kmap")
    found = replace(found, programs=(kept,))
    text = "\n".join(run_lines(found, repeat="kmap-harness run --scenario"))
    assert "kept as     out/a b/random-3-0.kmap" in text
    assert "repeat      kmap-harness run --scenario 'out/a b/random-3-0.kmap'" in text
    assert run_value(found)["programs"][0]["file"] == "out/a b/random-3-0.kmap"
    assert "repeat" not in "\n".join(run_lines(result(), repeat="x"))


def test_the_command_is_one_that_is_understood(tmp_path):
    """Up to the scenario, which is missing here."""
    words = _repeat("6.1-pae", None, "pti,variant=2", 2, 512, "", None)
    assert words == (
        f"{project.NAME} run --kernel 6.1-pae --shape pti,variant=2 --smp 2 --memory 512"
        " --scenario"
    )
    command = [sys.executable, "-m", "harness", *words.split()[1:], "missing.kmap"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "missing.kmap" in done.stderr
