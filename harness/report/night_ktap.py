"""A night as KTAP version 1: a test for each job, with its programs as subtests."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from harness.store.night_changes import ChangeKind
from harness.store.night_view import NightView
from harness.store.store_records import StoredRun

_INDENT = "    "


def night_ktap_lines(view: NightView) -> Iterator[str]:
    """The whole document; a job that was not run is skipped."""
    left = view.of_kind(ChangeKind.NOT_RUN)
    yield "KTAP version 1"
    yield f"1..{len(view.runs) + len(left)}"
    for number, run in enumerate(view.runs, 1):
        yield from _job(number, run, view.reports[run.key])
    for number, one in enumerate(left, len(view.runs) + 1):
        yield f"ok {number} {ktap_name(one.job)} # SKIP {ktap_name(one.because or 'not run')}"


def _job(number: int, run: StoredRun, report: Mapping[str, Any]) -> Iterator[str]:
    name, programs = ktap_name(run.job), report.get("programs", ())
    if programs:
        yield f"{_INDENT}KTAP version 1"
        yield f"{_INDENT}# Subtest: {name}"
        yield f"{_INDENT}1..{len(programs)}"
        for at, program in enumerate(programs, 1):
            yield from (f"{_INDENT}{line}" for line in _program(at, program, run))
    others = (one for one in run.findings if one.program not in _names(programs))
    yield from (f"# {_line(one.text)}" for one in others)
    yield f"{'ok' if run.exit_code == 0 else 'not ok'} {number} {name}"


def _names(programs: Sequence[Mapping[str, Any]]) -> frozenset[str]:
    return frozenset(one["name"] for one in programs)


def _program(number: int, program: Mapping[str, Any], run: StoredRun) -> Iterator[str]:
    """What is wrong with a program stands before its result."""
    name = ktap_name(program["name"])
    if program["not_applicable"]:
        yield f"ok {number} {name} # SKIP {ktap_name(program['not_applicable'])}"
        return
    found = [one for one in run.findings if one.program == program["name"]]
    yield from (f"# {_line(one.text)}" for one in found)
    good = program["verdict"] == "agree" and not found
    yield f"{'ok' if good else 'not ok'} {number} {name}"


def ktap_name(text: str) -> str:
    """*text* as a description: ``#`` would begin a directive there."""
    return " ".join(text.replace("#", "").split())


def _line(text: str) -> str:
    return " ".join(text.split())
