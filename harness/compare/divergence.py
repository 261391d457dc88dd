"""Divergences, and the result of one program."""

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from harness.compare.situations import ReachedSituations
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation, Status
from harness.model.records.operation import Operation
from harness.model.records.page import PageKind
from harness.model.records.state import State
from harness.trace.trace_records import Trouble


class Layer(Enum):
    """Which promise was broken (docs/architecture.md)."""

    CONTRACT = "contract"
    BEHAVIOUR = "behaviour"
    KNOWN = "known"


class Verdict(Enum):
    """The result of a comparison; no verdict is ever counted as another.

    UNMET: an expectation of a scenario's author failed, and the model allows what was seen.
    """

    AGREE = "agree"
    DIVERGE = "diverge"
    UNMET = "unmet"
    UNKNOWN = "unknown"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One entry on which the three witnesses do not agree.

    ``what`` is ``slot``, ``window``, ``count``; ``index`` the slot or fixmap index; a value is
    None where that witness did not say.  ``odd`` names who stands alone, or is empty.
    """

    what: str
    index: int
    model: int | None
    module: int | None
    outside: int | None
    odd: str


@dataclass(frozen=True, slots=True)
class AllowedOutcome:
    """One outcome that the model allows, its rule, and the fields in which the kernel differed."""

    observation: Observation
    rule: str
    differs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Divergence:
    """A step whose observation is not among those allowed, or a state that a witness contradicts.

    ``seen`` is None for a state found different at a synchronisation point.
    ``reasons`` are the contract's violations, the known bug, or what else was found.
    ``task``, ``machine`` and ``pools`` name what a report shows: who, on what, with which pages.
    """

    program: str
    line: int
    step: int
    operation: Operation | None
    seen: Observation | None
    allowed: tuple[AllowedOutcome, ...]
    before: State
    layer: Layer
    reasons: tuple[str, ...] = ()
    witnesses: tuple[Disagreement, ...] = ()
    trouble: tuple[Trouble, ...] = ()
    task: str = ""
    machine: Machine | None = None
    pools: tuple[tuple[PageKind, int], ...] = ()
    around: tuple[tuple[int, str], ...] = ()
    """The steps before and after, in the words of scenarios, each with its number."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields that differ from the nearest allowed outcome."""
        return min((one.differs for one in self.allowed), key=len, default=())

    @property
    def complains_as_allowed(self) -> bool:
        """Tell whether a step of another behaviour ends as some outcome, with no more warnings."""
        seen = self.seen
        if seen is None or self.layer is not Layer.BEHAVIOUR:
            return False
        return any(
            "status" not in one.differs and seen.warns <= one.observation.warns
            for one in self.allowed
        )


@dataclass(frozen=True, slots=True)
class FailedAssertion:
    """A failed expectation of a scenario's author; the model may well have agreed.

    ``place`` and ``text`` are file, line and words of the source, as reports quote them.
    """

    step: int
    line: int
    field: str
    wanted: int
    seen: int | None
    place: str = ""
    text: str = ""

    @property
    def words(self) -> str:
        """The expected and the seen value, in the words and numbers of scenarios."""
        seen = "nothing" if self.seen is None else self._named(self.seen)
        return f"{self.field} {self._named(self.wanted)} expected, {seen} seen"

    def _named(self, value: int) -> str:
        if self.field == "status" and 0 <= value < len(Status):
            return Status(value).name.lower()
        if self.field == "pte":
            return "present" if value else "none"
        return str(value)


@dataclass(frozen=True, slots=True)
class SilentInterrupt:
    """An ``interrupt`` of a scenario that came in no operation, however often it was armed.

    ``refused`` of ``armed`` times the kernel's function lacked that instruction.
    """

    place: str
    text: str
    armed: int
    refused: int


@dataclass(slots=True)
class ProgramResult:
    """The comparison of one program.

    ``judged`` steps were compared, ``unjudged`` were executed while the state was not
    known; ``known`` counts occurrences of known bugs, ``vanished`` those that should
    have occurred and did not; ``foreign`` counts absorbed changes by other users.
    """

    program: str
    judged: int = 0
    unjudged: int = 0
    divergences: list[Divergence] = field(default_factory=list)
    unrecorded: int = 0
    """Divergences of behaviour beyond those that are kept."""
    known: Counter[str] = field(default_factory=Counter)
    vanished: Counter[str] = field(default_factory=Counter)
    foreign: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    failed_assertions: list[FailedAssertion] = field(default_factory=list)
    silent_interrupts: list[SilentInterrupt] = field(default_factory=list)
    trouble: list[Trouble] = field(default_factory=list)
    speaking: set[int] = field(default_factory=set)
    syncs: int = 0
    unknown_because: str = ""
    ended: str = ""
    complete: bool = False
    executes: bool = True
    """False for the boot: a program that only looks at the guest and at what the kernel said."""
    facts: tuple[str, ...] = ()
    """The memory and addresses that the boot set up, to compare with another kernel's."""
    coverage: ReachedSituations = field(default_factory=ReachedSituations)

    @property
    def unexplained(self) -> tuple[Trouble, ...]:
        """Kernel messages that no predicted warning or death of their step explains."""
        return tuple(one for one in self.trouble if one.step not in self.speaking)

    @property
    def nothing_executed(self) -> bool:
        """Tell whether a program that should execute steps has executed none."""
        return self.executes and not (self.judged or self.unjudged)

    @property
    def verdict(self) -> Verdict:
        """The verdict of this program; nothing executed is never agreement."""
        if any(one.layer is not Layer.KNOWN for one in self.divergences):
            return Verdict.DIVERGE
        if self.failed_assertions:
            claimed = all(one.line for one in self.failed_assertions)
            return Verdict.UNMET if claimed else Verdict.DIVERGE
        if self.ended or not self.complete or self.nothing_executed:
            return Verdict.ERROR
        if not self.executes:
            return Verdict.AGREE
        return Verdict.UNKNOWN if self.unjudged or not self.judged else Verdict.AGREE
