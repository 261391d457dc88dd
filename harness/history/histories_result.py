"""The result of a run of concurrent histories."""

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
    """One judged history.

    ``window`` shows the violation with the shortest window; ``odd`` says how the behaviour differs
    from the replay in the lock's order.
    """

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
        """The verdict on the contract; an incomplete log is never agreement."""
        if self.violations:
            return Verdict.DIVERGE
        return Verdict.AGREE if self.complete else Verdict.UNKNOWN


@dataclass(frozen=True, slots=True)
class HistoriesResult:
    """One run; with ``strict`` a difference in behaviour is a divergence, too."""

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
        """Number of operations of all histories."""
        return sum(one.operations for one in self.histories)

    @property
    def undecided(self) -> int:
        """Number of operations of undecided histories."""
        return sum(one.operations for one in self.histories if one.verdict is Verdict.UNKNOWN)

    @property
    def violating(self) -> tuple[JudgedHistory, ...]:
        """The histories that no order explains."""
        return tuple(one for one in self.histories if one.violations)

    @property
    def odd(self) -> tuple[JudgedHistory, ...]:
        """The histories whose behaviour differs from the replay in the lock's order."""
        return tuple(one for one in self.histories if one.odd)

    @property
    def rules(self) -> Counter[str]:
        """Number of violations by rule."""
        return Counter(one.rule.value for each in self.histories for one in each.violations)

    @property
    def overlap(self) -> Overlap:
        """The overlap of all histories together."""
        return reduce(add, (one.overlap for one in self.histories), Overlap())

    @property
    def verdict(self) -> Verdict:
        """The verdict on the run; a run without operations is never agreement."""
        if self.violating or self.crash or self.troubles or (self.strict and self.odd):
            return Verdict.DIVERGE
        if self.error or not self.operations:
            return Verdict.ERROR
        return Verdict.UNKNOWN if self.undecided else Verdict.AGREE

    @property
    def exit_code(self) -> int:
        """0 agreement, 1 divergence or kernel trouble, 3 failure or undecided."""
        return {Verdict.AGREE: 0, Verdict.DIVERGE: 1}.get(self.verdict, 3)
