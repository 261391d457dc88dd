"""What a claim amounts to on one kernel: a verdict with the evidence it rests on."""

from dataclasses import dataclass
from enum import Enum


class ClaimVerdict(Enum):
    """Holds as the book has it, changed since, or not so."""

    HOLDS = "holds"
    CHANGED = "changed"
    FALSE = "false"


@dataclass(frozen=True, slots=True)
class ClaimFinding:
    """A verdict, how it differs from the book where it does, and the numbers seen."""

    verdict: ClaimVerdict
    how: str
    evidence: tuple[str, ...]


def holds(*evidence: str, how: str = "") -> ClaimFinding:
    """The claim holds."""
    return ClaimFinding(ClaimVerdict.HOLDS, how, evidence)


def changed(how: str, *evidence: str) -> ClaimFinding:
    """It is otherwise by now: *how*."""
    return ClaimFinding(ClaimVerdict.CHANGED, how, evidence)


def false(how: str, *evidence: str) -> ClaimFinding:
    """It is not so: *how*."""
    return ClaimFinding(ClaimVerdict.FALSE, how, evidence)


def when(condition: bool, *evidence: str, otherwise: str = "not seen") -> ClaimFinding:
    """Holds where *condition* was seen, else is false."""
    return holds(*evidence) if condition else false(otherwise, *evidence)
