"""The part of a run that has a guest: every program driven through it and judged."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict

from harness.base.progress import Progress
from harness.base.signals import EndedBySignal
from harness.base.stopwatch import Stopwatch
from harness.compare.divergence import Layer, Verdict
from harness.compare.missing_evidence import missing_evidence
from harness.compare.run_judge import RunJudge
from harness.errors import HarnessError, KernelError
from harness.guest.shape_words import describe_shape
from harness.model.boot.boot_view import BootView
from harness.run.boot_evidence import read_boot
from harness.run.program_run import RunContext, run_program
from harness.run.programs import plan_words, planned
from harness.run.ready_guest import Booted
from harness.run.run_ended import RunEnded
from harness.run.run_request import RunRequest
from harness.run.run_result import NOTHING_RUN, GuestMemory, KernelFacts, ProgramOutcome, RunResult
from harness.run.saved_program import save_program, worth_saving
from harness.scenario.program import NotApplicable, Program
from harness.trace.trace_file import TraceWriter
from harness.trace.trace_records import Record


class GuestRun:
    """One run in a guest that is up."""

    def __init__(
        self,
        request: RunRequest,
        booted: Booted,
        progress: Progress,
        watch: Stopwatch,
        held: ExitStack,
    ) -> None:
        self.request, self.progress, self.watch = request, progress, watch
        self.kernel, self.guest, self.layout, self.facts, self.odd, _ = booted
        self.done = 0
        self.name = ""
        self.outcomes: list[ProgramOutcome] = []
        self.header = booted.header(request.plan.seed)
        self.judge = RunJudge(self.header, request.known_bugs)
        self.context = RunContext(
            self.guest, self.judge, self._trace_writer(held), self._advance, self._boot_view
        )

    def _boot_view(self) -> BootView | None:
        return read_boot(self.guest, self.header, self.facts)

    def _trace_writer(self, held: ExitStack) -> Callable[[Record], None]:
        if self.request.trace is None:
            return _ignore
        return held.enter_context(TraceWriter(self.request.trace, self.header)).write

    def result(self) -> RunResult:
        """Run every program.

        A guest that fails ends the run with what was judged until then.  So does a signal, which
        raises RunEnded.
        """
        self.progress.step(f"running {plan_words(self.request.plan)} on {self.kernel.release}")
        with self.watch.phase("run"):
            try:
                failure = self._every_program()
            except EndedBySignal as ended:
                self._keep_last()
                raise RunEnded(ended, self._summary("", "")) from None
        crash = str(failure) if isinstance(failure, KernelError) else ""
        error = str(failure) if failure and not crash else ""
        if not failure and not self.done:
            error = NOTHING_RUN
        return self._summary(error, crash)

    def _every_program(self) -> HarnessError | None:
        """Run one after the other; return the failure that ended the run early, if any."""
        request = self.request
        fresh = not request.attach
        above = request.shape.above_4g and self.kernel.uses_high_frames
        for program in planned(request.plan, self.layout, above_4g=above, fresh=fresh):
            failure = self._one(program)
            if failure or (request.briefly and self._broken()):
                return failure
            if request.stop_first and self.outcomes and failed(self.outcomes[-1]):
                return None
        return None

    def _keep_last(self) -> None:
        """Keep what was judged of a program that a signal has ended."""
        begun = sum(1 for one in self.outcomes if one.result)
        for one in self.judge.result().programs[begun:]:
            self.outcomes.append(ProgramOutcome(one.program, "", 0.0, one))

    def _one(self, program: Program | NotApplicable) -> HarnessError | None:
        """Run one program, unless this guest cannot; the failure that ended it, if one did."""
        if isinstance(program, NotApplicable):
            self.outcomes.append(ProgramOutcome(program.name, "", 0.0, None, program.reason))
            return None
        self.name = program.name
        done = run_program(self.context, program)
        judged = self.judge.result().programs
        begun = sum(1 for one in self.outcomes if one.result)
        result = judged[begun] if len(judged) > begun else None
        kept = worth_saving(program, result, done.failure)
        file = save_program(program, self.request.out) if kept else ""
        self.outcomes.append(
            ProgramOutcome(program.name, program.title, done.seconds, result, file=file)
        )
        return done.failure

    def _broken(self) -> bool:
        """Tell whether the last program has shown what no correct kernel does."""
        last = self.outcomes[-1].result
        return last is not None and (
            bool(last.unexplained) or any(one.layer is Layer.CONTRACT for one in last.divergences)
        )

    def _advance(self, steps: int) -> None:
        self.done += steps
        self.progress.advance(self.done, 0, f"steps judged, now {self.name}")

    def _summary(self, error: str, crash: str) -> RunResult:
        lost = self.judge.result().lost
        return RunResult(
            kernel=KernelFacts.of(self.kernel, self.facts),
            machine=describe_shape(self.request.shape),
            command=self.guest.reproduce,
            seed=self.request.plan.seed,
            layout=self.layout,
            memory=GuestMemory.of(
                self.facts,
                self.request.shape.memory,
                self.request.shape.ram,
                uses_above=self.kernel.uses_high_frames,
            ),
            missing_evidence=missing_evidence(self.facts.evidence, lost),
            lost_because=(*self.odd, *(one.reason for one in lost)),
            programs=tuple(self.outcomes),
            known_bugs=self.request.known_bugs.descriptions,
            phases=self.watch.seconds,
            wire=asdict(self.guest.wire_statistics),
            error=error,
            crash=crash,
        )


def failed(outcome: ProgramOutcome) -> bool:
    """Tell whether a program has made the run fail."""
    result = outcome.result
    if result is None:
        return False
    fine = result.verdict in (Verdict.AGREE, Verdict.UNKNOWN)
    return not fine or bool(result.unexplained)


def _ignore(what: object) -> None:
    """Takes the records of a run that writes no trace."""
    del what
