"""Exports of scenarios as C in words, as a Markdown table, and as JSON values."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from harness.export.kernel_source import Exported


def export_lines(found: Sequence[Exported], path: Path) -> Iterator[str]:
    """How many scenarios became tests, why the others did not, and where the file is."""
    written = [one for one in found if not one.reason]
    reasons: dict[str, list[str]] = {}
    for one in found:
        if one.reason:
            reasons.setdefault(one.reason, []).append(one.name)
    for reason, names in reasons.items():
        yield f"not written {', '.join(names)}: {reason}"
    yield f"written     {len(written)} of {len(found)} scenarios to {path}"


def export_table(found: Sequence[Exported]) -> Iterator[str]:
    """Each scenario as a row: what its test does not compare, or why it has none."""
    yield "| scenario | test | not compared, or the reason |"
    yield "|---|---|---|"
    for one in found:
        note = one.reason or ", ".join(one.omitted)
        yield f"| {one.name} | {'no' if one.reason else 'yes'} | {note} |"


def export_value(found: Sequence[Exported], path: Path) -> dict[str, Any]:
    """The same as JSON values."""
    return {
        "file": str(path),
        "scenarios": [
            {"name": one.name, "not_compared": list(one.omitted), "reason": one.reason}
            for one in found
        ],
    }
