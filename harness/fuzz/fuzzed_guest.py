"""A guest that runs one fuzzed program after the other, and says what failed in each."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from threading import current_thread, main_thread
from types import TracebackType
from typing import Final, NamedTuple, Self

from harness.base.output_files import require_folder
from harness.check.checked_program import CheckedProgram, checked_program
from harness.compare.divergence import Divergence, Layer, ProgramResult
from harness.compare.known_bugs import KnownBugs
from harness.compare.run_judge import RunJudge
from harness.errors import InfrastructureError, KernelError
from harness.fuzz.expected import expectations_of
from harness.fuzz.program_source import ProgramSource
from harness.fuzz.reached_features import ReachedFeatures
from harness.guest.shape import Shape
from harness.guest.template import start
from harness.model.records.layout import Layout
from harness.model.records.machine import missing_operations
from harness.run.prepare import Prepared
from harness.run.program_run import RunContext, run_program
from harness.run.ready_guest import made_ready
from harness.run.run_request import Launch
from harness.run.run_result import ProgramOutcome
from harness.scenario.facts import Facts
from harness.scenario.program import Assertion, Program

ENOUGH: Final = 3
"""Divergences of the contract after which a program ends."""


class SeenEnoughError(InfrastructureError):
    """A program was ended, since the kernel has failed."""


class FailureKind(NamedTuple):
    """What failures have in common that one bug explains: the layer, and what broke there."""

    layer: str
    what: str


class FuzzedRun(NamedTuple):
    """One program judged: the kinds of failure, the details, and the features reached."""

    program: Program
    judged: CheckedProgram
    kinds: tuple[FailureKind, ...]
    features: frozenset[str]
    wrecked: bool
    """The guest cannot run another program."""
    expected: tuple[Assertion, ...] = ()
    """What the model expects of the first step that failed."""
    end: int = 0
    """The number of operations up to the failure, as far as it is known."""

    @property
    def worst(self) -> frozenset[FailureKind]:
        """The broken promises, or if there are none the changes of behaviour."""
        return frozenset(one for one in self.kinds if one.layer == self.kinds[0].layer)


class FuzzedGuest:
    """A guest in the state of its template; a context manager that ends it."""

    def __init__(
        self,
        prepared: Prepared,
        shape: Shape,
        known: KnownBugs,
        out: Path,
        *,
        launch: Launch = start,
    ) -> None:
        self._guest = launch(prepared.parts(shape), _folder_of_thread(out))
        try:
            booted = made_ready(prepared.kernel, self._guest, shape, prepared.dwarf)
        except BaseException:
            self._guest.close()
            raise
        self.layout: Layout = booted.layout
        self._judge = RunJudge(booted.header(seed=0), known)

    def __enter__(self) -> Self:
        """Start nothing: the guest runs already."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the guest."""
        self._guest.close()

    def run(self, program: Program) -> FuzzedRun:
        """Run and judge *program*.  Raises InfrastructureError for a failure of the host."""
        features = ReachedFeatures()
        context = RunContext(self._guest, self._judge, features.take, self._see)
        done = run_program(context, program)
        crash = str(done.failure) if isinstance(done.failure, KernelError) else ""
        result = self._judge.result().programs[-1]
        outcome = ProgramOutcome(program.name, program.title, done.seconds, result)
        judged = checked_program(outcome, crash)
        kinds = _kinds(judged)
        if done.failure and not kinds:
            raise done.failure
        first = next(_failures(result), None)
        expected = expectations_of(first) if first else ()
        end = 1 + (max(first.step, 0) if first else judged.steps)
        return FuzzedRun(program, judged, kinds, features.seen, bool(done.failure), expected, end)

    def _see(self, steps: int) -> None:
        """End a program that has failed often enough: what a broken kernel does next says little.

        After each divergence the whole state is read again, which takes long.
        """
        del steps
        judge = self._judge.judge
        if (
            judge
            and sum(one.layer is Layer.CONTRACT for one in judge.result.divergences) >= ENOUGH
        ):
            raise SeenEnoughError("the kernel has broken its contract often enough")


def _folder_of_thread(out: Path) -> Path:
    """The place for a guest's logs: threads with guests at once must not write to one file."""
    if current_thread() is main_thread():
        return out
    return require_folder(out / current_thread().name)


def _failures(result: ProgramResult | None) -> Iterator[Divergence]:
    """The divergences that are no known bugs, those of the contract first."""
    found = result.divergences if result else []
    for layer in (Layer.CONTRACT, Layer.BEHAVIOUR):
        yield from (one for one in found if one.layer is layer)


def _kinds(judged: CheckedProgram) -> tuple[FailureKind, ...]:
    """Every kind of failure, those of the contract first."""
    broken = dict.fromkeys(FailureKind("contract", one.what) for one in judged.broken)
    changed = dict.fromkeys(FailureKind("behaviour", one.what) for one in judged.changed)
    return (*broken, *changed)


Start = Callable[[], FuzzedGuest]
"""Gives a guest in its first state."""


Replayed = Callable[[Facts], Iterable[Program]]
"""Gives the programs that a guest with these facts runs first."""


def source_for(
    prepared: Prepared,
    machine: Shape,
    seed: int,
    *,
    guided: bool,
    replayed: Replayed | None = None,
) -> Callable[[FuzzedGuest], ProgramSource]:
    """What makes the source of programs for the first guest of a campaign."""
    above = machine.above_4g and prepared.kernel.uses_high_frames

    def source(guest: FuzzedGuest) -> ProgramSource:
        layout = guest.layout
        facts = Facts(layout, above_4g=above, missing=missing_operations(layout))
        first = replayed(facts) if replayed else ()
        return ProgramSource(facts, seed, guided=guided, replayed=first)

    return source
