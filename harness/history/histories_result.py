"""What a run of concurrent histories has found."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import add

from harness.compare.divergence import Verdict
from harness.guest.history_wire import HistoryOutcome
from harness.history.explanation import HistoryViolation
from harness.history.lock_order import LockOrderReplay
from harness.history.overlap import Overlap
from harness.model.records.layout import Layout
from harness.run.run_result import KernelFacts


@dataclass(frozen=True, slots=True)
class JudgedHistory:
    """One judged history; ``window`` shows the shortest violation, ``odd`` what the lock's order leaves unexplained."""

    regime: str
    seed: int
    operations: int
    outcome: HistoryOutcome
    complete: bool
    violations: tuple[HistoryViolation, ...]
    window: tuple[str, ...]
    replay: LockOrderReplay
    odd: str
    overlap: Overlap
    run_seconds: float
    judge_seconds: float

    @property
    def verdict(self) -> Verdict:
        """Of the contract: what is missing from a log is never agreement."""
        if self.violations:
            return Verdict.DIVERGE
        return Verdict.AGREE if self.complete else Verdict.UNKNOWN


@dataclass(frozen=True, slots=True)
class HistoriesResult:
    """One run; ``strict`` makes a difference of behaviour a divergence (always so for a stock kernel)."""

    kernel: KernelFacts
    machine: str
    command: str
    seed: int
    strict: bool
    layout: Layout | None = None
    histories: tuple[JudgedHistory, ...] = ()
    troubles: tuple[str, ...] = ()
    phases: Mapping[str, float] = field(default_factory=dict)
    error: str = ""
    crash: str = ""

    @property
    def operations(self) -> int:
        """Operations of all histories."""
        return sum(one.operations for one in self.histories)

    @property
    def undecided(self) -> int:
        """Operations of histories that were not decided."""
        return sum(one.operations for one in self.histories if one.verdict is Verdict.UNKNOWN)

    @property
    def violating(self) -> tuple[JudgedHistory, ...]:
        """The histories that no order explains."""
        return tuple(one for one in self.histories if one.violations)

    @property
    def odd(self) -> tuple[JudgedHistory, ...]:
        """The histories in which the kernel did not what the order of its lock leads to."""
        return tuple(one for one in self.histories if one.odd)

    @property
    def rules(self) -> Counter[str]:
        """Violations by rule."""
        return Counter(one.rule.value for each in self.histories for one in each.violations)

    @property
    def overlap(self) -> Overlap:
        """Of all histories."""
        return reduce(add, (one.overlap for one in self.histories), Overlap())

    @property
    def verdict(self) -> Verdict:
        """The run's verdict; nothing judged is never agreement."""
        if self.violating or self.crash or self.troubles or (self.strict and self.odd):
            return Verdict.DIVERGE
        if self.error or not self.operations:
            return Verdict.ERROR
        return Verdict.UNKNOWN if self.undecided else Verdict.AGREE

    @property
    def exit_code(self) -> int:
        """0 agreement, 1 divergence or kernel trouble, 3 failure or not decided (docs/architecture.md)."""
        return {Verdict.AGREE: 0, Verdict.DIVERGE: 1}.get(self.verdict, 3)
