"""What a run has found: finished, frozen, the input of every report."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from harness.compare.divergence import Divergence
from harness.guest.trouble import Trouble
from harness.model.layout import Layout


class Verdict(Enum):
    """The four answers; none is ever counted as another (docs/architecture.md)."""

    AGREE = "agree"
    DIVERGE = "diverge"
    UNKNOWN = "unknown"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """Which kernel was judged, for reports."""

    name: str
    release: str
    build: str
    config_hash: str
    source: str


@dataclass(frozen=True, slots=True)
class ProgramResult:
    """How one scenario or generated program ended."""

    name: str
    title: str
    steps: int
    divergences: int
    known: int
    seconds: float
    not_applicable: str = ""

    @property
    def applicable(self) -> bool:
        """Whether it was run at all."""
        return not self.not_applicable


@dataclass(frozen=True, slots=True)
class RunResult:
    """One finished run.  ``phases`` are seconds; ``verdict`` rests on ``steps`` judged steps."""

    verdict: Verdict
    kernel: KernelFacts
    machine: str
    command: str
    layout: Layout | None
    missing_evidence: tuple[str, ...]
    seed: int
    steps: int = 0
    operations: Mapping[str, int] = field(default_factory=dict)
    programs: tuple[ProgramResult, ...] = ()
    divergences: tuple[Divergence, ...] = ()
    known: Mapping[str, int] = field(default_factory=dict)
    vanished: tuple[str, ...] = ()
    foreign: Mapping[str, int] = field(default_factory=dict)
    situations: Mapping[str, int] = field(default_factory=dict)
    troubles: tuple[Trouble, ...] = ()
    phases: Mapping[str, float] = field(default_factory=dict)
    wire: Mapping[str, int] = field(default_factory=dict)
    error: str = ""

    @property
    def exit_code(self) -> int:
        """0 agreement, 1 divergence or kernel trouble, 3 failure (docs/architecture.md)."""
        return {Verdict.AGREE: 0, Verdict.DIVERGE: 1}.get(self.verdict, 3)

    @property
    def not_applicable(self) -> tuple[ProgramResult, ...]:
        """The scenarios whose requirements this guest does not meet."""
        return tuple(program for program in self.programs if not program.applicable)
