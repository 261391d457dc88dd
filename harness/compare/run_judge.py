"""Judges a whole run, record by record: live from a guest, or again from a trace."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.compare.boot_check import broken_at_boot
from harness.compare.criteria import ContractCheck, Criteria, standard_contract
from harness.compare.divergence import Divergence, Layer, ProgramResult, Verdict
from harness.compare.evidence_mask import evidence_mask
from harness.compare.judge import Judge
from harness.compare.known_bugs import KnownBugs
from harness.compare.plausibility import LostEvidence, proves_counts
from harness.compare.rest_state import left_over, spoilt
from harness.compare.situations import ReachedSituations
from harness.model.boot.boot_facts import boot_facts
from harness.model.boot.boot_view import BootView
from harness.model.records.machine import machine
from harness.model.records.observation import Snapshot
from harness.model.records.snapshots import initial
from harness.scenario.program import BOOT
from harness.trace.trace_records import Begin, End, Header, Record, Step, Sync, Trouble


@dataclass(frozen=True, slots=True)
class JudgedRun:
    """The results of all programs of a run, and the verdict on the run."""

    header: Header
    programs: tuple[ProgramResult, ...]
    coverage: ReachedSituations = field(default_factory=ReachedSituations)
    lost: tuple[LostEvidence, ...] = ()
    """Evidence that the steps have shown to be none."""

    @property
    def verdict(self) -> Verdict:
        """The worst of diverge, unmet, error, unknown, agree.

        A run without a judged step is an error.
        """
        verdicts = {program.verdict for program in self.programs}
        for worst in (Verdict.DIVERGE, Verdict.UNMET, Verdict.ERROR, Verdict.UNKNOWN):
            if worst in verdicts:
                return worst
        return Verdict.AGREE if self.steps else Verdict.ERROR

    @property
    def steps(self) -> int:
        """Judged steps."""
        return sum(program.judged for program in self.programs)

    @property
    def divergences(self) -> tuple[Divergence, ...]:
        """All divergences, in order."""
        return tuple(one for program in self.programs for one in program.divergences)

    @property
    def contract_divergences(self) -> tuple[Divergence, ...]:
        """Those that no correct kernel shows."""
        return tuple(one for one in self.divergences if one.layer is Layer.CONTRACT)

    def total(self, name: str) -> Counter[str]:
        """Sum over all programs of one of the counters known, vanished, foreign, rules."""
        counters: Counter[str] = Counter()
        for program in self.programs:
            counters.update(getattr(program, name))
        return counters


class RunJudge:
    """Judges the programs of one guest, in which a WARN_ONCE site fires at most once."""

    def __init__(
        self, header: Header, known: KnownBugs, contract: ContractCheck | None = None
    ) -> None:
        self.header = header
        self.judge: Judge | None = None
        evidence = evidence_mask(header.evidence)
        self._criteria = Criteria(
            evidence, known.for_kernel(header), contract or standard_contract(evidence)
        )
        self._results: list[ProgramResult] = []
        self._warned: frozenset[str] = frozenset()
        self._cursor = 0
        self._rest: Snapshot | None = None
        self._booted = False
        self._told: set[str] = set()
        self._spoilt: list[tuple[Judge, str]] = []
        """Findings at the starts of programs, each with its program's judge, until they count."""

    def feed(self, record: Record) -> Divergence | None:
        """Take one record; returns the divergence that it shows, if any."""
        if isinstance(record, Begin):
            self._begin(record)
            return None
        if self.judge is None:
            return None
        if isinstance(record, Step):
            return self.judge.step(record)
        if isinstance(record, Sync):
            if self._booted and record.snapshot is not None:
                self._find_left_over(record.snapshot)
            return self.judge.sync(record)
        if isinstance(record, Trouble):
            self._hear(self.judge, record)
        if isinstance(record, BootView):
            self._judge_boot(self.judge, record)
        if isinstance(record, End):
            self._end(record)
        return None

    def _begin(self, record: Begin) -> None:
        self._close()
        layout, tasks = self.header.layout, record.program.tasks
        guest = machine(layout, record.pages, tasks)
        start = initial(guest, self._start(record), warned=self._warned | frozenset(record.warned))
        self.judge = Judge(guest, start, record.program, self._criteria)
        self.judge.result.executes = record.program.name != BOOT
        self._booted = record.program.name == BOOT
        if "counts" not in self._criteria.mask.blanked:
            self._spoilt += [
                (self.judge, reason) for reason in spoilt(layout, record.pages, record.start)
            ]
        self._tell_spoilt()
        self._find_left_over(record.start)

    def _hear(self, judge: Judge, record: Trouble) -> None:
        """Keep what the kernel said, unless the boot said it, and a known bug explains it."""
        lines = (record.title, *record.lines)
        bug = self._criteria.known.of_message(lines) if self._booted else None
        if bug:
            judge.result.known[bug] += 1
        else:
            judge.trouble(record)

    def _judge_boot(self, judge: Judge, view: BootView) -> None:
        judge.result.facts = boot_facts(view)
        for reason in broken_at_boot(self.header, view):
            judge.left_over(reason)

    def _tell_spoilt(self) -> None:
        """Report what spoilt starts have shown, once the counts were seen to be counts.

        Until then nobody knows: the first steps of a run decide about its boot as well.
        """
        if "counts" in self._criteria.mask.blanked:
            self._spoilt.clear()
        if self._criteria.counts_proven:
            for judge, reason in self._spoilt:
                judge.left_over(reason)
            self._spoilt.clear()

    def _find_left_over(self, now: Snapshot) -> None:
        """Report what is mapped now and was before the last program, at rest both times."""
        assert self.judge is not None
        if self._rest is not None:
            for reason in left_over(self.header.layout, self._rest, now):
                if reason not in self._told:
                    self.judge.left_over(reason)
                self._told.add(reason)
        self._rest = now

    def _start(self, record: Begin) -> Snapshot:
        """The state before a program; an unseen cursor is where the last program left it."""
        return self._criteria.mask.completed(record.start, self._cursor)

    def _end(self, record: End) -> None:
        if self.judge is not None:
            self.judge.end(record)
        self._close()

    def _close(self) -> None:
        """Keep the result of the program that was open; without an End it stays incomplete."""
        if self.judge is not None:
            self._warned |= self.judge.state.warned
            proven = any(map(proves_counts, self.judge.result.rules))
            self._criteria = self.judge.criteria._replace(
                counts_proven=self._criteria.counts_proven or proven
            )
            self._tell_spoilt()
            self._cursor = self.judge.state.cursor
            self._results.append(self.judge.result)
            self.judge = None

    def result(self) -> JudgedRun:
        """The results of the programs so far."""
        self._close()
        coverage = ReachedSituations()
        for program in self._results:
            coverage.merge(program.coverage)
        return JudgedRun(self.header, tuple(self._results), coverage, self._criteria.lost)


def judge_records(
    header: Header,
    records: Iterable[Record],
    known: KnownBugs,
    contract: ContractCheck | None = None,
) -> JudgedRun:
    """Judge the records of a trace."""
    session = RunJudge(header, known, contract)
    for record in records:
        session.feed(record)
    return session.result()
