"""A trace judged again without a guest, also by a newer model."""

from collections.abc import Iterable
from pathlib import Path

from harness.compare.evidence import mask
from harness.compare.judge import Bench, ContractCheck, Judge
from harness.compare.known import load_known_bugs
from harness.guest.protocol import Evidence
from harness.model.machine import machine
from harness.model.observation import Status
from harness.model.state import initial
from harness.run.result import KernelFacts, ProgramOutcome, RunResult
from harness.trace.file import TraceReader
from harness.trace.record import Begin, End, Header, Record, Step, Sync, Trouble


def replay(path: Path, contract: ContractCheck) -> RunResult:
    """Judge the trace in *path*.  Raises TraceError for a file that is none, or that was cut off."""
    reader = TraceReader(path)
    header = reader.header
    bench = Bench(mask(header.evidence), header.release, load_known_bugs(), contract)
    outcomes = tuple(_outcomes(reader.records(), header, bench))
    return RunResult(
        kernel=KernelFacts(header.release, header.release, header.build, header.config_hash, f"trace {path}"),
        machine="as recorded",
        command=" ".join(header.qemu),
        seed=header.seed,
        layout=header.layout,
        missing_evidence=tuple(bit.name or "" for bit in Evidence if not bit & header.evidence),
        programs=outcomes,
    )


def _outcomes(records: Iterable[Record], header: Header, bench: Bench) -> Iterable[ProgramOutcome]:
    replayed: _Replayed | None = None
    for record in records:
        if isinstance(record, Begin):
            replayed = _Replayed(record, header, bench)
        elif replayed is not None:
            replayed.feed(record)
            if isinstance(record, End):
                yield replayed.outcome()


class _Replayed:
    """One program of a trace."""

    def __init__(self, begin: Begin, header: Header, bench: Bench) -> None:
        self.program = begin.program
        self.speaking: set[int] = set()
        model = machine(header.layout, begin.pages, begin.program.tasks, release=header.release)
        state = initial(model, begin.start, warned=frozenset(begin.warned))
        self.judge = Judge(model, state, begin.program, bench)

    def feed(self, record: Record) -> None:
        """Take in the next record."""
        match record:
            case Step():
                self._step(record)
            case Sync():
                self.judge.sync(record)
            case Trouble():
                self.judge.trouble(record)
            case End():
                self.judge.end(record)
            case Begin():
                raise AssertionError("a program begins within another")

    def _step(self, record: Step) -> None:
        diverged = self.judge.step(record)
        if (record.observation.warns or record.observation.status is Status.DIED) and not diverged:
            self.speaking.add(record.number)

    def outcome(self) -> ProgramOutcome:
        """How it ended."""
        result = self.judge.result
        unexplained = tuple(one for one in result.trouble if one.step not in self.speaking)
        return ProgramOutcome(self.program.name, self.program.title, 0.0, result, unexplained)
