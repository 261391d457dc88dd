"""JUnit XML of runs: one suite a run, one case a scenario or generated program."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from harness.base.output_files import write_whole
from harness.report.run_value import run_value
from harness.run.run_result import RunResult
from harness.store.night_changes import ChangeKind
from harness.store.night_view import NightView
from harness.store.store_records import StoredRun

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PROPERTIES = ("verdict", "steps", "seed", "machine")


def write_junit(view: NightView, path: Path) -> None:
    """Write a night as one JUnit file; a run without a verdict is an error of its own."""
    suites = [
        _suite(
            one.job, {**view.reports[one.key], "verdict": one.verdict}, one.seconds, one.exit_code
        )
        for one in view.runs
    ]
    suites += [_left_out(one.job, one.because) for one in view.of_kind(ChangeKind.NOT_RUN)]
    _write("kmap-harness nightly", suites, path)


def _run_suite(run: StoredRun, view: NightView) -> TestSuite:
    report = {**view.reports[run.key], "verdict": run.verdict}
    return _suite(run.job, report, run.seconds, run.exit_code)


def _left_out(job: str, why: str) -> TestSuite:
    """A job that the night did not run: skipped, and said so."""
    suite = TestSuite(job)
    case = TestCase("verdict", classname=job, time=0.0)
    case.result = [Skipped(_text(f"not run: {why or 'the night has not got so far'}"))]
    suite.add_testcase(case)
    suite.update_statistics()
    return suite


def write_run_junit(result: RunResult, path: Path) -> None:
    """Write the JUnit file of one run."""
    seconds = sum(result.phases.values())
    suite = _suite(result.kernel.name, run_value(result), seconds, result.exit_code)
    _write("kmap-harness run", (suite,), path)


def _write(name: str, suites: Iterable[TestSuite], path: Path) -> None:
    document = JUnitXml(name)
    for suite in suites:
        document.add_testsuite(suite)
    document.update_statistics()
    write_whole(path, document.tostring().decode("utf-8"))


def _suite(job: str, report: Mapping[str, Any], seconds: float, exit_code: int) -> TestSuite:
    suite = TestSuite(job)
    suite.time = round(seconds, 3)
    for name in _PROPERTIES:
        suite.add_property(name, _text(report.get(name, "")))
    kernel = report.get("kernel")
    suite.add_property("kernel", _text(kernel.get("release", "") if kernel else ""))
    for program in report.get("programs", ()):
        suite.add_testcase(_case(job, program))
    suite.add_testcase(_verdict_case(job, report, seconds, exit_code))
    suite.update_statistics()
    return suite


def _case(suite: str, program: Mapping[str, Any]) -> TestCase:
    case = TestCase(program["name"], classname=suite, time=round(program["seconds"], 3))
    if program["not_applicable"]:
        case.result = [Skipped(f"not applicable: {program['not_applicable']}")]
    elif program["divergences"]:
        case.result = [Failure(f"{program['divergences']} divergences", "divergence")]
    return case


def _verdict_case(job: str, report: Mapping[str, Any], seconds: float, exit_code: int) -> TestCase:
    """The run as a whole: trouble on the console and failures belong to no single program."""
    case = TestCase("verdict", classname=job, time=round(seconds, 3))
    verdict = report.get("verdict")
    if verdict in ("diverge", "unmet"):
        case.result = [Failure(_text(_first(report)), verdict)]
    elif verdict != "agree" or exit_code:
        case.result = [Error(_text(report.get("error") or f"exit code {exit_code}"), str(verdict))]
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
