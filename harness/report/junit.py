"""JUnit XML of a nightly: one suite a run, one case a scenario or generated program."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from harness.base.output_files import write_whole
from harness.nightly.fleet import JobResult

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PROPERTIES = ("verdict", "steps", "seed", "machine")


def write_junit(results: Iterable[JobResult], path: Path) -> None:
    """Write one JUnit file for all *results*; a run without a verdict is an error of its own."""
    document = JUnitXml("kmap-harness nightly")
    for result in results:
        document.add_testsuite(_suite(result))
    document.update_statistics()
    write_whole(path, document.tostring().decode("utf-8"))


def _suite(result: JobResult) -> TestSuite:
    report = result.report
    suite = TestSuite(result.job.name)
    suite.time = round(result.seconds, 3)
    for name in _PROPERTIES:
        suite.add_property(name, _text(report.get(name, "")))
    suite.add_property("kernel", _text(report.get("kernel", {}).get("release", "")))
    for program in report.get("programs", ()):
        suite.add_testcase(_case(result.job.name, program))
    suite.add_testcase(_verdict_case(result))
    suite.update_statistics()
    return suite


def _case(suite: str, program: Mapping[str, Any]) -> TestCase:
    case = TestCase(program["name"], classname=suite, time=round(program["seconds"], 3))
    if program["not_applicable"]:
        case.result = [Skipped(f"not applicable: {program['not_applicable']}")]
    elif program["divergences"]:
        case.result = [Failure(f"{program['divergences']} divergences", "divergence")]
    return case


def _verdict_case(result: JobResult) -> TestCase:
    """The run as a whole: trouble on the console and failures belong to no single program."""
    report = result.report
    case = TestCase("verdict", classname=result.job.name, time=round(result.seconds, 3))
    verdict = report.get("verdict")
    if verdict in ("diverge", "unmet"):
        case.result = [Failure(_text(_first(report)), verdict)]
    elif verdict != "agree" or result.exit_code:
        case.result = [
            Error(_text(report.get("error") or f"exit code {result.exit_code}"), str(verdict))
        ]
    return case


def _text(value: object) -> str:
    """*value* without what XML 1.0 cannot hold: consoles and logs have escape sequences."""
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", str(value))


def _first(report: Mapping[str, Any]) -> str:
    divergences = report.get("divergences", ())
    if divergences:
        return str(divergences[0].get("summary", divergences[0]))
    for unmet in report.get("failed_assertions", ()):
        return f"{unmet['place']}: {unmet['text']}"
    troubles = report.get("troubles", ())
    return str(troubles[0].get("title")) if troubles else "diverged"
