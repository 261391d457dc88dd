"""What was found of the schedules of programs."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.compare.divergence import Verdict
from harness.guest.gate_wire import Gate
from harness.guest.schedule_wire import GateEvent, SearchDecision
from harness.run.run_result import KernelFacts
from harness.schedule.random_sample import RandomSample
from harness.schedule.thread_program import ThreadProgram


@dataclass(frozen=True, slots=True)
class FoundSchedule:
    """A schedule after which the kernel has broken a rule: the shortest that led to this log.

    ``choices`` are the threads that went on where several could.  ``gates`` name the gates of
    ``events`` by their index.
    """

    rule: str
    detail: str
    window: tuple[str, ...]
    times: int
    """Number of schedules with the same log."""
    preemptions: int
    decisions: tuple[SearchDecision, ...]
    events: tuple[GateEvent, ...]
    gates: tuple[Gate, ...]

    @property
    def choices(self) -> str:
        """The decisions as digits, as ``--replay`` takes them."""
        return "".join(str(one.choice) for one in self.decisions)

    @property
    def length(self) -> tuple[int, int]:
        """Preemptions, then steps: the order in which schedules are shown."""
        return self.preemptions, len(self.events)


@dataclass(frozen=True, slots=True)
class ProgramSchedules:
    """The schedules of one program.

    ``complete`` says that these are all within the bound.  ``odd`` are schedules whose behaviour
    differs from the replay in the lock's order; ``unknown`` says why some had no verdict.
    """

    program: ThreadProgram
    bound: int
    gates: int
    schedules: int
    logs: int
    """Number of distinct logs."""
    steps: int
    complete: bool
    seconds: float
    violations: tuple[FoundSchedule, ...] = ()
    odd: tuple[FoundSchedule, ...] = ()
    unknown: str = ""
    crash: str = ""
    death: str = ""
    """The choices with which the schedule begins that killed the kernel, where that is known."""
    outcomes: int = 0
    """Number of distinct results: what the threads have got, and the slots, whatever the order."""
    replayed: bool = False
    """The schedules are one that was replayed."""
    sample: RandomSample | None = None
    """The schedules are random ones."""

    @property
    def certificate(self) -> str:
        """One line: how much was run, and how many schedules broke a rule."""
        bad = sum(one.times for one in self.violations)
        if self.replayed:
            return f"{self.schedules} replays, gates {self.gates}: {bad} violations"
        whole = "" if self.complete else ", not all"
        if self.sample:
            sampled = f"{self.schedules} random schedules{whole}, gates {self.gates}"
            return f"{sampled}, {self.sample.words}: {bad} violations"
        scope = f"{self.schedules} schedules{whole}, bound {self.bound}, gates {self.gates}"
        return f"{scope}, outcomes {self.outcomes}: {bad} violations"


@dataclass(frozen=True, slots=True)
class SchedulesResult:
    """One run; with ``strict`` a difference in behaviour is a divergence, too."""

    kernel: KernelFacts
    machine: str
    command: str
    strict: bool
    bound: int
    level: str
    ungated: tuple[str, ...] = ()
    programs: tuple[ProgramSchedules, ...] = ()
    left_out: int = 0
    """Number of programs for which there was no time."""
    troubles: tuple[str, ...] = ()
    phases: Mapping[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def schedules(self) -> int:
        """Number of schedules of all programs."""
        return sum(one.schedules for one in self.programs)

    @property
    def violating(self) -> tuple[ProgramSchedules, ...]:
        """The programs of which some schedule broke a rule, or killed the kernel."""
        return tuple(one for one in self.programs if one.violations or one.crash)

    @property
    def odd(self) -> tuple[ProgramSchedules, ...]:
        """The programs of which some schedule behaved differently."""
        return tuple(one for one in self.programs if one.odd)

    @property
    def rules(self) -> Counter[str]:
        """Number of programs in which each rule was broken."""
        return Counter(
            rule for one in self.programs for rule in {each.rule for each in one.violations}
        )

    @property
    def incomplete(self) -> tuple[ProgramSchedules, ...]:
        """The programs of which not all schedules have a verdict."""
        return tuple(one for one in self.programs if not one.complete or one.unknown)

    @property
    def verdict(self) -> Verdict:
        """The verdict; a run without a schedule is never agreement."""
        if self.violating or self.troubles or (self.strict and self.odd):
            return Verdict.DIVERGE
        if self.error or not self.schedules:
            return Verdict.ERROR
        return Verdict.UNKNOWN if self.incomplete or self.left_out else Verdict.AGREE

    @property
    def exit_code(self) -> int:
        """0 agreement, 1 divergence or kernel trouble, 3 failure or not all schedules."""
        return {Verdict.AGREE: 0, Verdict.DIVERGE: 1}.get(self.verdict, 3)
