"""The result of a run: finished, frozen, the input of every report."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.architecture.architecture import PhysicalRam
from harness.compare.divergence import (
    Divergence,
    FailedAssertion,
    Layer,
    ProgramResult,
    SilentInterrupt,
    Verdict,
)
from harness.compare.transitions import Transitions, transitions
from harness.coverage.line_coverage import LineCoverage
from harness.guest.protocol import GuestFacts
from harness.kernel.kernel_record import Kernel
from harness.model.records.layout import PAGE_SIZE, Layout
from harness.trace.trace_records import Trouble


@dataclass(frozen=True, slots=True)
class KernelFacts:
    """Which kernel was judged, for reports."""

    name: str
    release: str
    build: str
    config_hash: str
    source: str
    compiler: str = ""

    @classmethod
    def of(cls, kernel: Kernel, facts: GuestFacts | None = None) -> "KernelFacts":
        """*kernel*, named by what it said of itself in the guest, if it booted."""
        release, build = (facts.release, facts.build) if facts else (kernel.release, kernel.banner)
        return cls(kernel.name, release, build, kernel.config_hash, kernel.source, kernel.compiler)


@dataclass(frozen=True, slots=True)
class ProgramOutcome:
    """How one scenario or generated program ended.

    ``result`` is None for a scenario that is not applicable; the reason stands in that field.
    ``file`` is the scenario as which a generated program that failed was kept.
    """

    name: str
    title: str
    seconds: float
    result: ProgramResult | None
    not_applicable: str = ""
    file: str = ""

    @property
    def steps(self) -> int:
        """Judged steps."""
        return self.result.judged if self.result else 0


@dataclass(frozen=True, slots=True)
class Confirmation:
    """In how many runs, the first included, the kernel failed; ``folders`` have their logs."""

    seen: int
    of: int
    folders: tuple[str, ...]

    @property
    def words(self) -> str:
        """The counts as part of a sentence."""
        return f"{self.seen} of {self.of} run{'s' * (self.of > 1)}"


@dataclass(frozen=True, slots=True)
class GuestMemory:
    """MiB of the guest's memory: mapped for good, highmem, and of that above 4 GiB.

    ``left_alone`` lies above 4 GiB too, and the kernel is none that may use it.
    """

    low: int
    high: int
    above_4g: int
    left_alone: int = 0

    @classmethod
    def of(
        cls, facts: GuestFacts, total: int, ram: PhysicalRam, *, uses_above: bool
    ) -> "GuestMemory":
        """The memory of a guest with *total* MiB, and whether the kernel uses that above 4 GiB."""
        above = total - (ram.below(total << 20) >> 20)
        low, high = (
            pages * PAGE_SIZE >> 20 for pages in (facts.lowmem_pages, facts.highmem_pages)
        )
        return cls(low, high, min(above, high), 0) if uses_above else cls(low, high, 0, above)


NOTHING_RUN = "no step was executed: no scenario applies to this guest"
"""The error of a run that judged nothing: it is no success."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """One finished run.

    ``phases`` are seconds by name, ``wire`` statistics of the link.  ``error`` says why there is
    no verdict on the kernel, ``crash`` how the kernel crashed or hung; both are empty if not so.
    """

    kernel: KernelFacts
    machine: str
    command: str
    seed: int
    layout: Layout | None = None
    missing_evidence: tuple[str, ...] = ()
    """Names of the evidence that there was not, or that was found to be none."""
    programs: tuple[ProgramOutcome, ...] = ()
    known_bugs: Mapping[str, str] = field(default_factory=dict)
    """Each bug on the list in one sentence, by its id."""
    phases: Mapping[str, float] = field(default_factory=dict)
    wire: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    error: str = ""
    crash: str = ""
    unconfirmed: str = ""
    """How a guest ended that did not end so again: no verdict on the kernel."""
    dead: bool = False
    """True if the kernel, not the harness or the host, kept the guest from coming up."""
    reports: tuple[tuple[str, ...], ...] = ()
    """The reports of such a kernel, each with all its lines."""
    confirmation: Confirmation | None = None
    """How often the crash was seen, after the program has run again."""
    coverage: LineCoverage | None = None
    memory: GuestMemory | None = None
    unwatched_flushes: tuple[str, ...] = ()
    """The places where the kernel may drop translations unseen, each with the reason."""
    lost_because: tuple[str, ...] = ()
    """The reasons why evidence is lost."""

    @property
    def steps(self) -> int:
        """Judged steps of all programs."""
        return sum(program.steps for program in self.programs)

    @property
    def results(self) -> tuple[ProgramResult, ...]:
        """The comparisons of the programs that were run."""
        return tuple(program.result for program in self.programs if program.result)

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """All divergences but those of known bugs, in the order in which they were met."""
        return tuple(
            one
            for result in self.results
            for one in result.divergences
            if one.layer is not Layer.KNOWN
        )

    @property
    def troubles(self) -> tuple[Trouble, ...]:
        """Kernel messages that no agreed step explains."""
        return tuple(trouble for result in self.results for trouble in result.unexplained)

    @property
    def placed_troubles(self) -> tuple[tuple[str, Trouble], ...]:
        """The same, each with the name of its program."""
        return tuple(
            (result.program, one) for result in self.results for one in result.unexplained
        )

    @property
    def failed_assertions(self) -> tuple[tuple[str, FailedAssertion], ...]:
        """Expectations of scenarios that were not met, each with the name of its scenario."""
        return tuple(
            (result.program, one) for result in self.results for one in result.failed_assertions
        )

    @property
    def silent_interrupts(self) -> tuple[SilentInterrupt, ...]:
        """Interrupts of scenarios that never came."""
        return tuple(one for result in self.results for one in result.silent_interrupts)

    @property
    def not_applicable(self) -> tuple[ProgramOutcome, ...]:
        """The scenarios whose requirements this guest does not meet."""
        return tuple(program for program in self.programs if program.not_applicable)

    def total(self, counter: str) -> Counter[str]:
        """The sum over all programs of one of their counters.

        *counter* is ``known``, ``vanished``, ``foreign`` or ``rules``.
        """
        return sum((getattr(result, counter) for result in self.results), Counter())

    @property
    def operations(self) -> Counter[str]:
        """Executed steps by operation."""
        return sum((result.coverage.operations for result in self.results), Counter())

    @property
    def situations(self) -> Counter[str]:
        """How often each situation was reached; one never reached stands at 0."""
        total: Counter[str] = Counter()
        for result in self.results:
            total.update(result.coverage.situations)
        return total

    @property
    def transitions(self) -> Transitions | None:
        """Which of the model's rule branches were taken, of those this kernel can take."""
        if self.layout is None:
            return None
        return transitions(self.layout, self.total("rules"))

    @property
    def verdict(self) -> Verdict:
        """The run's verdict; nothing judged is never agreement."""
        verdicts = {result.verdict for result in self.results}
        if self.crash or self.troubles or Verdict.DIVERGE in verdicts:
            return Verdict.DIVERGE
        if Verdict.UNMET in verdicts:
            return Verdict.UNMET
        if self.error or not self.steps or Verdict.ERROR in verdicts:
            return Verdict.ERROR
        return Verdict.UNKNOWN if Verdict.UNKNOWN in verdicts else Verdict.AGREE

    @property
    def exit_code(self) -> int:
        """0 agreement, 1 divergence, kernel trouble or unmet expectation, 3 failure.

        docs/architecture.md has the table.
        """
        return {Verdict.AGREE: 0, Verdict.DIVERGE: 1, Verdict.UNMET: 1}.get(self.verdict, 3)
