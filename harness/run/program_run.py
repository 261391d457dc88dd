"""One program driven through a guest; each record goes into the trace and to the judge."""

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from harness.compare.run_judge import RunJudge
from harness.errors import HarnessError, InfrastructureError, KernelError
from harness.guest.batch import batches
from harness.guest.protocol import GuestFacts
from harness.guest.step_stream import SectionOpenError
from harness.guest.steps import StepRecord
from harness.guest.trouble import KernelTrouble
from harness.guest.witness import PageTableView
from harness.model.boot.boot_view import BootView
from harness.model.records.layout import Generation, Layout
from harness.model.records.observation import Snapshot, Status
from harness.model.records.operation import Operation
from harness.model.records.page import Page, PageKind
from harness.scenario.opening import opened
from harness.scenario.program import BOOT, UNBOUND, Program
from harness.scenario.program_text import operation_text
from harness.trace.trace_records import Begin, End, Record, Step, Sync, Trouble, WitnessView

IN_FLIGHT = 3
SYNC_STEPS = 4096
"""Steps between two synchronisation points of a long program."""


class DrivenGuest(Protocol):
    """The parts of a guest that a run needs (``harness.guest.running_guest.Guest``).

    In tests a model takes its place.
    """

    def info(self) -> tuple[Layout, GuestFacts]:
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

    def witness(self) -> PageTableView | None:
        """The whole state, read from outside while the machine is stopped; None if impossible."""

    def await_console(self, step: int) -> None:
        """Wait until the console has told what was printed up to *step* (counted since boot)."""

    def steps_ahead(self) -> int | None:
        """Of a guest that has failed: steps that it finished after its last answer, if known."""

    def troubles(self, *, marked: bool = False) -> tuple[KernelTrouble, ...]:
        """Kernel trouble on the console since the last call; *marked*: only that of known
        steps.
        """

    def reset(self) -> None:
        """Release every mapping, task and page."""


def _unseen() -> None:
    """Nothing is known of the boot."""


@dataclass(frozen=True, slots=True)
class RunContext:
    """A guest with its judge, its trace and the listener of its progress."""

    target: DrivenGuest
    judge: RunJudge
    write: Callable[[Record], None]
    on_steps: Callable[[int], None]
    boot_view: Callable[[], BootView | None] = _unseen
    """Reads what the kernel says of its boot."""

    def record(self, record: Record) -> None:
        """Into the trace, and before the judge."""
        self.write(record)
        self.judge.feed(record)

    @property
    def lost(self) -> bool:
        """Tell whether the judge needs the state to be read again."""
        return self.judge.judge is not None and self.judge.judge.doubtful


class ProgramEnd(NamedTuple):
    """How a program's run ended: its seconds, and the failure that ended it early, if any."""

    seconds: float
    failure: HarnessError | None = None


def run_program(sitting: RunContext, program: Program) -> ProgramEnd:
    """Run *program* in the guest, and judge each step.

    A failure ends the program; the steps before it stay judged.
    """
    started = time.monotonic()
    run = _ProgramRun(sitting, program)
    failure = _failure_of(run.begin) or _failure_of(run.run)
    if isinstance(failure, KernelError):
        failure = run.placed(failure)
    sitting.record(End(run.number, failure.message if failure else ""))
    if not failure and not program.throwaway:
        failure = _failure_of(sitting.target.reset)
    return ProgramEnd(time.monotonic() - started, failure)


def _failure_of(action: Callable[[], None]) -> HarnessError | None:
    """Do *action*; return the failure of the guest or of the host that ended it, if any."""
    try:
        action()
    except (KernelError, InfrastructureError) as error:
        return error
    return None


class _ProgramRun:
    """The state of one program's run."""

    def __init__(self, sitting: RunContext, program: Program) -> None:
        self.sitting = sitting
        self.target = sitting.target
        self.program = program
        self.number = 0
        self.first_step: int | None = None
        self.synced = 0
        self.died: list[int] = []
        self.spoke: int | None = None
        layout, _ = self.target.info()
        self.iomap_atomic = layout.generation is not Generation.LOCAL

    def begin(self) -> None:
        """Pages, tasks and the state from which the program starts."""
        pools, cpus = self.program.pools, self.program.tasks
        pages = tuple(page for kind, count in pools for page in self.target.pool(kind, count))
        self.target.tasks([None if cpu == UNBOUND else cpu for cpu in cpus])
        start = self.target.snapshot()
        self.program = opened(self.program, self.target.info()[0], start)
        self.sitting.record(Begin(self.program, pages, start))

    def run(self) -> None:
        """Judge answers while further requests are in flight.

        When the judge has lost the state, it is read again before the next request.
        """
        if self.program.name == BOOT and (view := self.sitting.boot_view()):
            self.sitting.record(view)
        flying: deque[Sequence[Operation]] = deque()
        for part in batches(self.program.operations, iomap_atomic=self.iomap_atomic):
            if len(flying) >= IN_FLIGHT:
                self._collect(flying.popleft())
            if self.sitting.lost or self.number - self.synced >= SYNC_STEPS:
                while flying:
                    self._collect(flying.popleft())
                self._sync()
            self.target.submit(part)
            flying.append(part)
        while flying:
            self._collect(flying.popleft())
        self._sync()
        self._troubles(marked=False)

    def _collect(self, operations: Sequence[Operation]) -> None:
        try:
            self._judge(operations, self.target.collect())
        except SectionOpenError as error:
            self._judge(operations, error.records)
            # Programs close what they open (scenario/lowering.py, guest/batch.py), so the kernel
            # did not: one of the steps just judged tells which.
            raise KernelError(
                f"the kernel left an atomic section open: {error.message}"
            ) from error

    def _judge(self, operations: Sequence[Operation], records: Sequence[StepRecord]) -> None:
        if self.first_step is None and records:
            self.first_step = records[0].step
        record = self.sitting.record
        for operation, one in zip(operations, records, strict=True):
            record(Step(self.number, operation, one.observation, one.cycles, one.messages))
            if one.observation.status is Status.DIED:
                self.died.append(self.number)
            self.number += 1
            if one.messages:
                self.spoke = one.step
        self.sitting.on_steps(len(records))
        self._troubles(marked=True)

    def _troubles(self, *, marked: bool) -> None:
        """Record what the kernel has said, once the console tells in which step: it may lag
        behind.

        A message between two requests, on the way to user mode say, belongs to a later step.
        """
        if self.spoke is not None:
            self.target.await_console(self.spoke)
            self.spoke = None
        for found in self.target.troubles(marked=marked):
            self.sitting.record(
                Trouble(self._step_of(found), found.kind.value, found.title, found.lines)
            )

    def _step_of(self, trouble: KernelTrouble) -> int:
        """The step of this program that the console's marker names, -1 for none.

        A wrecked guest may end before it has written the marker: then the step is the one in which
        a task died, if there is exactly one.
        """
        if trouble.step is None or self.first_step is None:
            return self.died[0] if self.program.throwaway and len(self.died) == 1 else -1
        return trouble.step - self.first_step

    def _sync(self) -> None:
        view = self.target.witness()
        seen = None if view is None else WitnessView(*view)
        self.sitting.record(Sync(self.number, self.target.snapshot(), seen))
        self.synced = self.number

    def placed(self, error: KernelError) -> KernelError:
        """*error* with the step that was in progress, where guest memory still tells."""
        ahead = self.target.steps_ahead()
        operations = self.program.operations
        if ahead is None or not 0 <= self.number + ahead < len(operations):
            return error
        step = self.number + ahead
        line = self.program.line(step)
        place = f"{self.program.name}:{line}" if line else self.program.name
        task = self.program.task_name(operations[step].task)
        words = operation_text(operations[step], self.program.pools)
        return type(error)(
            f"{place} step {step}: {task}: {words}: {error.message}", hint=error.hint
        )
