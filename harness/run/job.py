"""The main job: one kernel on one machine, judged over scenarios and generated programs."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NamedTuple

from harness.base.progress import Progress
from harness.base.stopwatch import Stopwatch
from harness.compare.divergence import Layer
from harness.compare.known import load_known_bugs
from harness.compare.session import Session
from harness.coverage.gcov_counts import collect, require_counts
from harness.coverage.line_coverage import report
from harness.errors import HarnessError, InfrastructureError, KernelError
from harness.guest.protocol import PROBES, Evidence, GuestFacts
from harness.guest.request_script import RequestScript
from harness.guest.running_guest import Guest
from harness.guest.shape import Shape
from harness.guest.ssh.attach import attach
from harness.guest.ssh.guest_state import find
from harness.guest.template import GuestParts, start
from harness.kernel.dwarf import DwarfFacts
from harness.kernel.kernel_record import Kernel
from harness.model.records.layout import Layout
from harness.run.expected import require_machine
from harness.run.prepare import Prepared, find_kernel, prepare
from harness.run.program_run import RunContext, run_program
from harness.run.programs import Plan, planned
from harness.run.run_result import NOTHING_RUN, KernelFacts, ProgramOutcome, RunResult
from harness.run.throwaway import with_throwaway
from harness.scenario.program import NotApplicable, Program
from harness.trace.file import TraceWriter
from harness.trace.record import Header, Record


@dataclass(frozen=True, slots=True)
class Request:
    """What ``run`` is asked for; ``out`` is the folder for logs, ``trace`` the file for the trace, if any;
    ``attach`` names a guest that runs already; without ``template`` the guest is booted; ``throwaway``:
    scenarios that wreck a kernel run too, each in a guest of its own; ``deterministic``: the programs are
    recorded in one guest and run again in one that finds them in its image and counts instructions;
    ``briefly``: the run ends with the first program in which a promise was broken.
    """

    kernel: str
    build_dir: Path | None
    shape: Shape
    plan: Plan
    out: Path
    trace: Path | None = None
    attach: str = ""
    template: bool = True
    throwaway: bool = False
    deterministic: bool = False
    coverage: Path | None = None
    briefly: bool = False


Launch = Callable[[GuestParts, Path], Guest]
"""Makes a guest of its parts, with its logs in the folder."""


class Booted(NamedTuple):
    """A guest that is up and is the machine that was asked for."""

    kernel: Kernel
    guest: Guest
    layout: Layout
    facts: GuestFacts


def execute(
    request: Request, progress: Progress, show: Callable[[str], None] | None = None
) -> RunResult:
    """Do the job.  What fails before a boot is raised; what fails later is part of the result.

    *show* is given each command line that was used, ready to paste.
    """
    watch = Stopwatch()
    if request.attach:
        with watch.phase("attach"):
            kernel, guest = _attached(request.attach, progress)
        return _judge_in(kernel, guest, request, progress, watch)
    with watch.phase("prepare"):
        prepared = prepare(request.kernel, request.build_dir, progress, say=show)
        if request.coverage:
            require_counts(prepared.kernel)
    result = judge(prepared, request, progress, watch, show)
    if request.throwaway:
        result = with_throwaway(result, request, lambda one: judge(prepared, one, progress, watch))
    if request.coverage:
        progress.step("counting lines")
        result = replace(result, coverage=report(request.coverage, prepared.kernel))
    return result


def judge(
    prepared: Prepared,
    request: Request,
    progress: Progress,
    watch: Stopwatch,
    show: Callable[[str], None] | None = None,
    *,
    launch: Launch | None = None,
) -> RunResult:
    """The part of the job for which kernel, module and agent stand ready; *launch* replaces how it starts."""
    work = _Work(prepared, progress, show, launch)
    if request.deterministic:
        return _judge_twice(work, request, watch)
    return _judge_once(work, request, watch)[0]


class _Work(NamedTuple):
    """What a job is done with, whatever it is."""

    prepared: Prepared
    progress: Progress
    show: Callable[[str], None] | None
    launch: Launch | None


def _judge_twice(work: _Work, request: Request, watch: Stopwatch) -> RunResult:
    """In a guest over a link, whose requests are recorded; then in one that has executed them by itself.

    A guest that fails over the link leaves no whole record: then what was found there is the result.
    """
    ordinary = replace(request, shape=replace(request.shape, icount=False), trace=None)
    with watch.phase("record"):
        learnt, script = _judge_once(work._replace(show=None), ordinary, Stopwatch())
    if script is None:
        note = "the guest failed while the programs were recorded; this is that guest, not a deterministic one"
        return replace(learnt, notes=(*learnt.notes, note))
    return _judge_once(work, request, watch, script)[0]


def _judge_once(
    work: _Work, request: Request, watch: Stopwatch, script: RequestScript | None = None
) -> tuple[RunResult, RequestScript | None]:
    """The result, and the requests that the guest was sent or, with a *script*, has executed."""
    prepared, progress, show, launch = work
    kernel, shape = prepared.kernel, request.shape
    progress.step(f"starting {kernel.release} on {describe(shape)}")
    try:
        with watch.phase("boot"):
            parts = GuestParts(kernel, shape, prepared.module.stripped, prepared.agent.path)
            guest = _launched(launch, parts, request, script)
    except (KernelError, InfrastructureError) as error:
        return _not_booted(kernel, request, watch, error), None
    for command in (prepared.module.command, prepared.agent.command, guest.reproduce):
        (show or _ignore)(command)
    recorder = guest.record() if request.deterministic and not script else None
    result = _judge_in(kernel, guest, request, progress, watch, dwarf=prepared.dwarf)
    return result, guest.script(
        recorder
    ) if recorder and not result.crash and not result.error else None


def _launched(
    launch: Launch | None, parts: GuestParts, request: Request, script: RequestScript | None
) -> Guest:
    if script:
        return parts.boot(request.out, script)
    return (launch or (start if request.template else GuestParts.boot))(parts, request.out)


def _not_booted(
    kernel: Kernel, request: Request, watch: Stopwatch, error: HarnessError
) -> RunResult:
    """A kernel that does not boot is not judged: what was not run has kept or broken no promise."""
    return RunResult(
        kernel=KernelFacts(
            kernel.name, kernel.release, kernel.banner, kernel.config_hash, kernel.source
        ),
        machine=describe(request.shape),
        command="",
        seed=request.plan.seed,
        phases=watch.seconds,
        error=f"the kernel did not boot: {error}",
    )


def _attached(name: str, progress: Progress) -> tuple[Kernel, Guest]:
    """The guest that ``kmap-harness ssh`` started; it goes on running afterwards."""
    state = find(name)
    build_dir = Path(state.build_dir) if state.build_dir else None
    return find_kernel(state.kernel, build_dir, progress), attach(state)


def _judge_in(
    kernel: Kernel,
    guest: Guest,
    request: Request,
    progress: Progress,
    watch: Stopwatch,
    *,
    dwarf: DwarfFacts | None = None,
) -> RunResult:
    with ExitStack() as held:
        held.enter_context(guest)
        layout, facts = guest.info()
        require_machine(kernel, request.shape, layout, facts, dwarf)
        facts = facts._replace(evidence=_armed(guest, facts))
        result = _Run(
            request, Booted(kernel, guest, layout, facts), progress, watch, held
        ).result()
        if request.coverage:
            collect(guest, kernel, request.coverage)
        return result


def _armed(guest: Guest, facts: GuestFacts) -> Evidence:
    """What this guest can show once its probes are armed."""
    probes = facts.evidence & PROBES
    return (facts.evidence & ~PROBES) | guest.probes(probes)


def describe(shape: Shape) -> str:
    """A machine shape in words."""
    extras = [
        word
        for word, on in (
            ("PTI", shape.pti),
            ("KASLR", shape.kaslr),
            ("parallel", shape.parallel),
            ("instruction clock", shape.icount),
        )
        if on
    ]
    if shape.variant:
        extras.append(f"variant {shape.variant}")
    return ", ".join(
        (
            f"{shape.smp} CPU{'s' * (shape.smp > 1)}",
            f"{shape.memory} MiB",
            shape.accelerator.value,
            shape.wire.value,
            *extras,
        )
    )


class _Run:
    """The part of the job that has a guest."""

    def __init__(
        self,
        request: Request,
        booted: Booted,
        progress: Progress,
        watch: Stopwatch,
        held: ExitStack,
    ) -> None:
        self.request, self.progress, self.watch = request, progress, watch
        self.kernel, self.guest, self.layout, self.facts = kernel, guest, layout, facts = booted
        self.done = 0
        self.outcomes: list[ProgramOutcome] = []
        self.header = Header(
            release=facts.release,
            build=facts.build,
            config_hash=kernel.config_hash,
            layout=layout,
            evidence=int(facts.evidence),
            seed=request.plan.seed,
            qemu=(guest.reproduce,),
        )
        self.session = Session(self.header, load_known_bugs())
        self.sitting = RunContext(guest, self.session, self._trace_writer(held), self._advance)

    def _trace_writer(self, held: ExitStack) -> Callable[[Record], None]:
        if self.request.trace is None:
            return _ignore
        return held.enter_context(TraceWriter(self.request.trace, self.header)).write

    def result(self) -> RunResult:
        """Run every program; a guest that fails ends the run with what was judged until then."""
        self.progress.step("running and judging")
        failure: HarnessError | None = None
        with self.watch.phase("run"):
            for program in planned(self.request.plan, self.layout, self.facts, self.request.shape):
                failure = self._one(program)
                if failure or (self.request.briefly and self._broken()):
                    break
        crash = str(failure) if isinstance(failure, KernelError) else ""
        error = str(failure) if failure and not crash else ""
        if not failure and not self.done:
            error = NOTHING_RUN
        return self._summary(error, crash)

    def _one(self, program: Program | NotApplicable) -> HarnessError | None:
        """Run one program, unless this guest cannot; the failure that ended it, if one did."""
        if isinstance(program, NotApplicable):
            self.outcomes.append(ProgramOutcome(program.name, "", 0.0, None, program.reason))
            return None
        done = run_program(self.sitting, program)
        judged = self.session.result().programs
        begun = sum(1 for one in self.outcomes if one.result)
        result = judged[begun] if len(judged) > begun else None
        self.outcomes.append(ProgramOutcome(program.name, program.title, done.seconds, result))
        return done.failure

    def _broken(self) -> bool:
        """Whether the last program has shown what no correct kernel does."""
        last = self.outcomes[-1].result
        return last is not None and (
            bool(last.unexplained) or any(one.layer is Layer.CONTRACT for one in last.divergences)
        )

    def _advance(self, steps: int) -> None:
        self.done += steps
        self.progress.advance(self.done, max(self.done, self.request.plan.steps))

    def _summary(self, error: str, crash: str) -> RunResult:
        return RunResult(
            kernel=KernelFacts(
                self.kernel.name,
                self.facts.release,
                self.facts.build,
                self.kernel.config_hash,
                self.kernel.source,
            ),
            machine=describe(self.request.shape),
            command=self.guest.reproduce,
            seed=self.request.plan.seed,
            layout=self.layout,
            missing_evidence=tuple(
                bit.name or "" for bit in Evidence if not bit & self.facts.evidence
            ),
            programs=tuple(self.outcomes),
            phases=self.watch.seconds,
            wire=asdict(self.guest.wire_statistics),
            error=error,
            crash=crash,
        )


def _ignore(what: object) -> None:
    """Where no trace is wanted, or no command lines."""
    del what
