"""What a job's report says is wrong, as findings: each kind once for each program."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.store.message_fingerprint import message_fingerprint
from harness.store.store_records import RunFinding

_MOST: Final = 200
"""Findings of one run: a kernel that fails everywhere has said so."""


def report_findings(report: Mapping[str, Any]) -> tuple[RunFinding, ...]:
    """The findings of a report, in its order; the report of another command has its own words."""
    first: dict[tuple[str, str], RunFinding] = {}
    for one in _all(report):
        first.setdefault((one.program, one.kind), one)
    return tuple(first.values())[:_MOST]


def _all(report: Mapping[str, Any]) -> Iterator[RunFinding]:
    for one in report.get("divergences", ()):
        place, step = one.get("program", ""), one.get("step", -1)
        yield _finding(place, one.get("layer", "contract"), step, one["summary"])
    for one in report.get("failed_assertions", ()):
        text = f"{one['place']}: {one['text']}: {one['wanted']} wanted, {one['seen']} seen"
        yield _finding(one["program"], "expectation", one["step"], text)
    for one in report.get("troubles", ()):
        yield _trouble(one)
    for kind in ("crash", "error"):
        if report.get(kind):
            yield _finding("", kind, -1, str(report[kind]).splitlines()[0])
    yield from _claims(report)
    yield from _cases(report)
    yield from _mutants(report)


def _trouble(one: Mapping[str, Any] | str) -> RunFinding:
    """A kernel message; a run of histories has only its words."""
    if isinstance(one, str):
        return _finding("", "message", -1, one)
    text = f"{one['kind']}: {one['title']}"
    return _finding(one.get("program", ""), "message", one.get("step", -1), text)


def _claims(report: Mapping[str, Any]) -> Iterator[RunFinding]:
    """Claims whose verdict is not the recorded one."""
    for one in report.get("claims", ()):
        if one["verdict"] != one["recorded"]:
            text = f"{one['claim']}: {one['verdict']}, recorded {one['recorded']}"
            yield _finding(f"claim-{one['number']}", "contract", -1, text)


def _cases(report: Mapping[str, Any]) -> Iterator[RunFinding]:
    """Broken rules to which the kernel did not say what is expected."""
    for one in report.get("cases", ()):
        if one["wrong"]:
            text = f"{one['rule']}: {'; '.join(one['wrong'])}"
            yield _finding(one["id"], "contract", -1, text)


def _mutants(report: Mapping[str, Any]) -> Iterator[RunFinding]:
    """Mutants of which the harness did not say what the catalogue does."""
    for one in report.get("mutants", ()):
        if not one["as_wanted"]:
            yield _finding(one["name"], "contract", -1, f"{one['breaks']}: {one['found']}")


def _finding(program: str, kind: str, step: int, text: str) -> RunFinding:
    plain = "".join(one if one.isprintable() else " " for one in text)
    return RunFinding(program, kind, step, plain, message_fingerprint(kind, plain))
