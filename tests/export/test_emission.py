"""What a fuzzer has found as C: the program, what the model expected, and the report of both."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.compare.divergence import AllowedOutcome, Divergence, Layer
from harness.export.emission import EmitAs, Emitted, emitted, exported_program
from harness.export.expressible import Era
from harness.export.kernel_source import module_source
from harness.fuzz.expected import expectations_of
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.page import PageKind
from harness.report.fuzz_report import fuzz_lines, fuzz_value
from harness.scenario.program import Assertion, Program
from tests.fuzz_command.test_campaign import campaign, two_bugs

ERA = Era.only((6, 1, 176))
MAP, UNMAP = Operation(OpCode.KMAP_LOCAL, 0, 3, 7), Operation(OpCode.KUNMAP_LOCAL, 0, reg=7)
PROGRAM = Program("found-1", (0,), ((PageKind.HIGH, 4), (PageKind.ABOVE_4G, 2)), (MAP, UNMAP))


def step(**fields):
    """An observation, as far as expectations read it."""
    usual = {"status": Status.OK, "value": 7, "pte": 0, "depth": 0, "preempt": 0, "pagefault": 0}
    return SimpleNamespace(**{**usual, **fields})


def divergence(seen, *allowed, code=OpCode.KUNMAP_LOCAL):
    outcomes = tuple(AllowedOutcome(one, "rule", ()) for one in allowed)
    operation = Operation(code)
    return Divergence("p", 0, 1, operation, seen, outcomes, None, Layer.CONTRACT)


def wanted(*arguments, **keywords):
    found = expectations_of(divergence(*arguments, **keywords))
    assert all(one.step == 1 for one in found)
    return [(one.field, one.value) for one in found]


def test_what_all_outcomes_say_and_the_kernel_does_not():
    assert wanted(step(pte=0x163, depth=1), step()) == [("pte", 0), ("depth", 0)]
    assert wanted(step(depth=1), step(), step(depth=2)) == []
    assert wanted(step(value=8), step()) == []
    assert wanted(step(value=8), step(), code=OpCode.READ) == [("value", 7)]
    assert wanted(step(), step(status=Status.FAULT)) == [("status", Status.FAULT)]


def test_a_state_that_a_witness_contradicts_has_no_step():
    assert wanted(None) == []


def test_a_program_becomes_a_case_without_the_pages_that_it_does_not_use():
    expected = (Assertion(1, "pte", 0, relative=False, line=0),)
    found = exported_program(PROGRAM, expected, ERA)
    assert not found.reason
    text = module_source([found], ERA)
    assert 'WANT(t0, "t0: kunmap_local m7", present, 0);' in text
    assert "hm_lacks_pages(hm, HM_HIGH, 1)" in text
    assert "For kernels from 6.1;" in text


def test_what_has_no_c_says_why(tmp_path):
    operations = (Operation(OpCode.EXIT),)
    found = exported_program(Program("found-1", (0,), (), operations), (), ERA)
    prepared = SimpleNamespace(kernel=SimpleNamespace(version=(6, 1, 176)))
    for form in EmitAs:
        one = emitted(found, form, prepared, None, tmp_path)
        assert one == Emitted(None, "there is no C of it: a task ends in the middle of it")
    assert list(tmp_path.iterdir()) == []


def test_a_kunit_suite_is_written(tmp_path):
    prepared = SimpleNamespace(kernel=SimpleNamespace(version=(6, 1, 176)))
    found = exported_program(PROGRAM, (), ERA)
    one = emitted(found, EmitAs.KUNIT, prepared, None, tmp_path)
    assert "KUNIT_CASE(found_1_test)" in one.path.read_text()


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (Emitted(Path("m.c"), "FAIL found-1: step 2"), "  on this kernel: FAIL found-1: step 2"),
        (Emitted(None, "there is no C of it: x"), "  there is no C of it: x"),
    ],
)
def test_the_report_says_what_came_of_it(one, line):
    result = campaign(two_bugs, steps=20_000)
    files = ("a.kmap", "b.kmap")
    assert line in list(fuzz_lines("6.1", 3, result, files, "run", emissions=(one, one)))
    assert fuzz_value("6.1", 3, result, files, (one,))["emitted"][0]["says"] == one.says
