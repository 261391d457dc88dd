"""What a claim amounts to on one kernel: a verdict with the evidence it rests on."""

from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    """Holds as the book has it, changed since, or not so."""

    HOLDS = "holds"
    CHANGED = "changed"
    FALSE = "false"


@dataclass(frozen=True, slots=True)
class Finding:
    """A verdict, how it differs from the book where it does, and the numbers seen."""

    verdict: Verdict
    how: str
    evidence: tuple[str, ...]


def holds(*evidence: str, how: str = "") -> Finding:
    """The claim holds."""
    return Finding(Verdict.HOLDS, how, evidence)


def changed(how: str, *evidence: str) -> Finding:
    """It is otherwise by now: *how*."""
    return Finding(Verdict.CHANGED, how, evidence)


def false(how: str, *evidence: str) -> Finding:
    """It is not so: *how*."""
    return Finding(Verdict.FALSE, how, evidence)


def when(condition: bool, *evidence: str, otherwise: str = "not seen") -> Finding:
    """Holds where *condition* was seen, else is false."""
    return holds(*evidence) if condition else false(otherwise, *evidence)
