"""The finding on one claim for one kernel: a verdict and its evidence."""

from dataclasses import dataclass
from enum import Enum


class ClaimVerdict(Enum):
    """Tell whether a claim holds as the book says it, has changed since, or is false."""

    HOLDS = "holds"
    CHANGED = "changed"
    FALSE = "false"


@dataclass(frozen=True, slots=True)
class ClaimFinding:
    """A verdict, how the kernel differs from the book, if it does, and the numbers seen."""

    verdict: ClaimVerdict
    how: str
    evidence: tuple[str, ...]


def holds(*evidence: str, how: str = "") -> ClaimFinding:
    """The claim holds."""
    return ClaimFinding(ClaimVerdict.HOLDS, how, evidence)


def changed(how: str, *evidence: str) -> ClaimFinding:
    """The kernel has changed since the book: *how* says in what."""
    return ClaimFinding(ClaimVerdict.CHANGED, how, evidence)


def false(how: str, *evidence: str) -> ClaimFinding:
    """The claim is false: *how* says what is true."""
    return ClaimFinding(ClaimVerdict.FALSE, how, evidence)


def when(condition: bool, *evidence: str, otherwise: str = "not seen") -> ClaimFinding:
    """The claim holds if *condition* is true, else it is false."""
    return holds(*evidence) if condition else false(otherwise, *evidence)
