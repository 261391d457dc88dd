"""Judgements as JSON values and back, to store those of bases."""

from dataclasses import asdict
from typing import Any

from harness.check.checked_program import CheckedKind, CheckedProgram, Finding
from harness.check.judging import Judgement

FORMAT = 5
_LISTS = ("missing_evidence", "lost_because")


def judgement_value(one: Judgement) -> dict[str, Any]:
    """The judgement as a JSON object."""
    return {"format": FORMAT, **asdict(one)}


def judgement_of(value: dict[str, Any]) -> Judgement | None:
    """The judgement that *value* describes, or None if it has another format."""
    if value.get("format") != FORMAT:
        return None
    read = {"format", "programs", "reports", *_LISTS}
    rest = {name: one for name, one in value.items() if name not in read}
    lists: dict[str, Any] = {name: tuple(value[name]) for name in _LISTS}
    return Judgement(
        **rest,
        **lists,
        programs=tuple(program_of(one) for one in value["programs"]),
        reports=tuple(tuple(one) for one in value["reports"]),
    )


def program_of(value: dict[str, Any]) -> CheckedProgram:
    """The program that *value* describes."""
    lists = {name: tuple(value[name]) for name in ("known", "vanished", "facts")}
    findings = {
        name: tuple(_finding(one) for one in value[name]) for name in ("broken", "changed")
    }
    messages = tuple(tuple(one) for one in value["messages"])
    return CheckedProgram(
        **{**value, **lists, **findings, "messages": messages, "kind": CheckedKind(value["kind"])}
    )


def _finding(value: dict[str, Any]) -> Finding:
    return Finding(**{**value, "lines": tuple(value["lines"])})
