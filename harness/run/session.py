"""One program driven through a guest: into a trace, under the eyes of the judge."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from harness.compare.divergence import ProgramResult
from harness.compare.judge import Bench, Judge
from harness.errors import HarnessError, InfrastructureError, KernelError
from harness.guest.batch import batches
from harness.guest.protocol import Facts
from harness.guest.steps import StepRecord
from harness.guest.trouble import Trouble as ConsoleTrouble
from harness.guest.witness import WitnessView
from harness.model.layout import Layout
from harness.model.machine import machine
from harness.model.observation import Snapshot, Status
from harness.model.operation import Operation
from harness.model.page import Page, PageKind
from harness.model.state import initial
from harness.scenario.program import UNBOUND, Program
from harness.trace.record import Begin, End, Record, Step, Sync, Trouble
from harness.trace.record import WitnessView as TraceWitness

IN_FLIGHT = 2
SYNC_STEPS = 4096
"""Steps between two synchronisation points of a long program."""


class Target(Protocol):
    """What a run needs of a guest (``harness.guest.guest.Guest``); a model can stand in for one in tests."""

    def info(self) -> tuple[Layout, Facts]:
        """Layout and facts, read from the guest."""

    def pool(self, kind: PageKind, count: int) -> tuple[Page, ...]:
        """*count* more pages of *kind*."""

    def tasks(self, cpus: Sequence[int | None]) -> None:
        """Replace the tasks; None binds one to no CPU."""

    def submit(self, operations: Sequence[Operation]) -> None:
        """Send one request without waiting for its answer."""

    def collect(self) -> list[StepRecord]:
        """The answer to the oldest request."""

    def snapshot(self) -> Snapshot:
        """The whole state, as the module reads it."""

    def witness(self) -> WitnessView:
        """The whole state, read from outside while the machine is stopped."""

    def troubles(self) -> tuple[ConsoleTrouble, ...]:
        """Kernel trouble on the console since the last call."""

    def reset(self) -> None:
        """Release every mapping, task and page."""


@dataclass(slots=True)
class Sitting:
    """What one guest carries from program to program.

    ``warned`` are the WARN_ONCE sites that have fired since boot; ``on_record`` hears of
    every record of the trace; ``on_steps`` of progress.
    """

    target: Target
    bench: Bench
    on_record: Callable[[Record], None]
    on_steps: Callable[[int], None]
    warned: frozenset[str] = frozenset()


class Finished(NamedTuple):
    """A program's comparison, the kernel trouble that no agreed step explains, and the seconds it took."""

    result: ProgramResult
    unexplained: tuple[Trouble, ...]
    seconds: float
    failure: HarnessError | None = None


def run_program(sitting: Sitting, program: Program) -> Finished:
    """Run *program* in the guest and judge it step by step; a failure on the way ends it, judged so far."""
    started = time.monotonic()
    run = _ProgramRun(sitting, program)
    failure: HarnessError | None = None
    try:
        run.run()
    except (KernelError, InfrastructureError) as error:
        failure = error
        run.end(error.message)
    return Finished(run.judge.result, run.unexplained(), time.monotonic() - started, failure)


class _ProgramRun:
    """The state of one program's run."""

    def __init__(self, sitting: Sitting, program: Program) -> None:
        self.sitting = sitting
        self.target = sitting.target
        self.program = program
        self.number = 0
        self.first_step: int | None = None
        self.synced = 0
        self.speaking: set[int] = set()
        layout, facts = self.target.info()
        pages = tuple(page for kind, count in program.pools for page in self.target.pool(kind, count))
        self.target.tasks([None if cpu == UNBOUND else cpu for cpu in program.tasks])
        start = self.target.snapshot()
        self.machine = machine(layout, pages, program.tasks, release=facts.release)
        state = initial(self.machine, start, warned=sitting.warned)
        self.judge = Judge(self.machine, state, program, sitting.bench)
        sitting.on_record(Begin(program, pages, start, tuple(sorted(sitting.warned))))

    def run(self) -> None:
        """Requests in flight while their answers are judged; a state that was lost is read again at once."""
        flying: deque[Sequence[Operation]] = deque()
        for part in batches(self.program.operations):
            if len(flying) >= IN_FLIGHT:
                self._collect(flying.popleft())
            if self._must_sync():
                while flying:
                    self._collect(flying.popleft())
                self._sync()
            self.target.submit(part)
            flying.append(part)
        while flying:
            self._collect(flying.popleft())
        self._sync()
        self._troubles()
        self.end()
        self.target.reset()

    def _must_sync(self) -> bool:
        return self.judge.lost or self.number - self.synced >= SYNC_STEPS

    def _collect(self, operations: Sequence[Operation]) -> None:
        records = self.target.collect()
        if self.first_step is None and records:
            self.first_step = records[0].step
        judge, on_record = self.judge.step, self.sitting.on_record
        for operation, record in zip(operations, records, strict=True):
            step = Step(self.number, operation, record.observation, record.cycles, record.messages)
            on_record(step)
            diverged = judge(step)
            if (record.observation.warns or record.observation.status is Status.DIED) and not diverged:
                self.speaking.add(self.number)
            self.number += 1
        self.sitting.on_steps(len(records))
        self._troubles()

    def _troubles(self) -> None:
        for found in self.target.troubles():
            trouble = Trouble(self._step_of(found), found.kind.value, found.title, found.lines)
            self.sitting.on_record(trouble)
            self.judge.trouble(trouble)

    def unexplained(self) -> tuple[Trouble, ...]:
        """Trouble beyond the warnings and deaths that the model predicted and that were seen in their step."""
        return tuple(one for one in self.judge.result.trouble if one.step not in self.speaking)

    def _step_of(self, trouble: ConsoleTrouble) -> int:
        """The step of this program that the console's marker names, -1 for none."""
        if trouble.step is None or self.first_step is None:
            return -1
        return trouble.step - self.first_step

    def _sync(self) -> None:
        view = self.target.witness()
        record = Sync(self.number, self.target.snapshot(), TraceWitness(*view))
        self.sitting.on_record(record)
        self.judge.sync(record)
        self.synced = self.number

    def end(self, reason: str = "") -> None:
        """The program is over; *reason* says why before its last step."""
        end = End(self.number, reason)
        self.sitting.on_record(end)
        self.judge.end(end)
        self.sitting.warned = self.judge.state.warned
