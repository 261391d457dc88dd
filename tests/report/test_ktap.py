"""KTAP of a run, as the kernel's tools read it; JUnit of a run."""

import re
from dataclasses import replace

from junitparser import JUnitXml

from harness.report.junit import write_run_junit
from harness.report.ktap import ktap_lines
from harness.run.run_result import ProgramOutcome
from harness.trace.trace_records import Trouble

from .sample import result, wrong_frame
from .test_run_value import SCHEMA

RESULT = re.compile(r"(ok|not ok) (\d+) ([^#]+?)(?: # SKIP (.+))?$")
LEFT = ProgramOutcome("left", "", 0.0, None, "requires smp>=4; this guest has smp=2 # two")


def read_tests(found):
    """The results, read as the kernel's documentation describes them."""
    version, plan, *rest = ktap_lines(found)
    assert version == "KTAP version 1"
    lines = [RESULT.fullmatch(line) for line in rest if not line.startswith("# ")]
    assert all(lines), rest
    assert plan == f"1..{len(lines)}"
    assert [int(line[2]) for line in lines] == list(range(1, len(lines) + 1))
    return [(line[1], line[3], line[4]) for line in lines]


def test_a_run_that_agrees():
    found = replace(result(), programs=(*result().programs, LEFT))
    assert read_tests(found) == [
        ("ok", "<text>", None),
        ("ok", "left", "requires smp>=4; this guest has smp=2 two"),
        ("ok", "verdict: agree", None),
    ]


def test_a_divergence_is_explained_before_its_result():
    found = result(wrong=wrong_frame)
    assert [one[0] for one in read_tests(found)] == ["not ok", "not ok"]
    lines = list(ktap_lines(found))
    place = lines.index("not ok 1 <text>")
    assert lines[place - 1] == "# <text>:3 step 3: a: m0 = kmap h1: contract (pte, slots)"


def test_a_failure_of_no_program_fails_the_last_test():
    found = replace(result(), programs=(), error="QEMU ended\nwith signal SIGKILL")
    assert read_tests(found) == [("not ok", "verdict: error", None)]
    assert "# QEMU ended" in list(ktap_lines(found))


def test_junit_of_one_run(tmp_path):
    path = tmp_path / "junit.xml"
    for found, failures in ((result(), 0), (result(wrong=wrong_frame), 2)):
        write_run_junit(replace(found, programs=(*found.programs, LEFT)), path)
        SCHEMA.validate(path)
        read = JUnitXml.fromfile(str(path))
        assert (read.tests, read.failures, read.skipped) == (3, failures, 1)


def test_a_message_that_no_step_explains_is_no_success():
    found = result()
    found.programs[0].result.trouble.append(Trouble(4, "WARNING", "WARNING: at mm/highmem.c:611"))
    assert [one[0] for one in read_tests(found)] == ["not ok", "not ok"]
    assert "# WARNING: WARNING: at mm/highmem.c:611" in list(ktap_lines(found))
