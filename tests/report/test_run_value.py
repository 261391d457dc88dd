"""JSON and JUnit: what scripts and CI servers read."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
import xmlschema
from junitparser import JUnitXml

from harness.base.output_files import UnwritableError, require_writable, write_whole
from harness.report.junit import write_junit
from harness.report.run_value import run_value, write_run
from harness.run.run_result import ProgramOutcome

from .sample import result, wrong_frame
from .sample_night import viewed

SCHEMA = xmlschema.XMLSchema(Path(__file__).parent / "junit.xsd")


def value(found, tmp_path):
    write_run(found, tmp_path / "run.json")
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
    return json.loads((tmp_path / "run.json").read_text())


def test_an_agreeing_run(tmp_path):
    found = value(result(), tmp_path)
    assert (found["verdict"], found["exit_code"], found["steps"], found["seed"]) == (
        "agree",
        0,
        9,
        3,
    )
    assert found["divergences"] == []
    assert found["kernel"]["release"] == "6.1.0-50-686-pae"
    assert found["layout"]["last_pkmap"] == 512
    assert found["layout"]["generation"] == "local"
    assert found["phases"] == {"prepare": 0.04, "boot": 1.5, "run": 0.25}


def test_a_divergence_has_all_that_is_needed_to_understand_it(tmp_path):
    found = value(result(wrong=wrong_frame), tmp_path)
    assert (found["verdict"], found["exit_code"]) == ("diverge", 1)
    (one,) = found["divergences"]
    assert (one["step"], one["operation"], one["layer"]) == (3, "a: m0 = kmap h1", "contract")
    assert one["fields"] == ["pte", "slots"]
    assert one["seen"]["pte"] != one["allowed"][0]["observation"]["pte"]
    assert one["reasons"]
    assert one["allowed"][0]["rule"].startswith("kmap.")


def test_an_error_is_an_error(tmp_path):
    found = value(replace(result(), programs=(), error="QEMU ended with signal SIGKILL"), tmp_path)
    assert (found["verdict"], found["exit_code"], found["error"]) == (
        "error",
        3,
        "QEMU ended with signal SIGKILL",
    )


def junit(reports, tmp_path):
    path = tmp_path / "junit.xml"
    write_junit(viewed(tmp_path, reports), path)
    SCHEMA.validate(path)
    return JUnitXml.fromfile(str(path))


def test_junit_of_a_night_with_everything_in_it(tmp_path):
    left = ProgramOutcome("left", "", 0.0, None, "requires smp>=4")
    agrees = replace(result(), programs=(*result().programs, left))
    found = junit(
        {
            "agrees": run_value(agrees),
            "diverges": run_value(result(wrong=wrong_frame)),
            "dies": {"verdict": "error", "error": "no output <&> \x1b[1mred", "steps": 0},
            "late": None,
        },
        tmp_path,
    )
    assert (found.tests, found.failures, found.errors, found.skipped) == (7, 2, 1, 2)
    assert [suite.name for suite in found] == ["agrees", "dies", "diverges", "late"]


def test_the_schema_refuses_what_is_none():
    for text in ("<a/>", "<testsuites><testsuite/></testsuites>"):
        with pytest.raises(xmlschema.XMLSchemaValidationError):
            SCHEMA.validate(text)


def test_a_result_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "x.partial").mkdir()
    with pytest.raises(UnwritableError, match="x cannot be written"):
        write_whole(path / "x", "text")
    assert [one.name for one in path.iterdir()] == ["x.partial"]


def test_a_full_disk_is_said(tmp_path):
    (tmp_path / "full").symlink_to("/dev/full")
    with pytest.raises(UnwritableError, match="No space left"):
        write_whole(tmp_path / "full", "text")
    assert [one.name for one in tmp_path.iterdir()] == ["full"]


def test_a_device_is_written_to_and_stays(tmp_path):
    """Was replaced by a file, and by the check for it removed."""
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    require_writable([tmp_path / "pipe"])
    write_whole(tmp_path / "pipe", "text")
    assert os.read(reader, 100) == b"text"
    os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def test_a_file_that_is_there_survives_the_check(tmp_path):
    path = tmp_path / "old.json"
    path.write_text("old")
    require_writable([path, tmp_path / "new" / "x.json"])
    assert path.read_text() == "old"
    assert list((tmp_path / "new").iterdir()) == []
