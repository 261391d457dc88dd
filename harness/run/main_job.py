"""The main job: one kernel on one machine, judged over scenarios and generated programs."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from harness.base.progress import Progress
from harness.base.stopwatch import Stopwatch
from harness.coverage.gcov_counts import collect, require_counts
from harness.coverage.line_coverage import report
from harness.errors import HarnessError, InfrastructureError, KernelError
from harness.guest.request_script import RequestScript
from harness.guest.running_guest import Guest
from harness.guest.shape_words import describe_shape
from harness.guest.ssh.attach import attach
from harness.guest.ssh.guest_state import find
from harness.guest.template import GuestParts, start
from harness.kernel.dwarf import DwarfFacts
from harness.kernel.kernel_record import Kernel
from harness.run.confirm import confirmed
from harness.run.guest_run import GuestRun
from harness.run.prepare import Prepared, find_kernel, prepare
from harness.run.programs import plan_words
from harness.run.ready_guest import made_ready
from harness.run.run_request import Launch, RunRequest
from harness.run.run_result import KernelFacts, RunResult
from harness.run.throwaway import with_throwaway
from harness.run.usual_machine import usual_machine
from harness.run.window_order_run import order_of_windows, with_order

_LINES = 40
"""Lines of the first report of a kernel that does not boot."""


def execute(
    request: RunRequest, progress: Progress, show: Callable[[str], None] | None = None
) -> RunResult:
    """Do the job.  A failure before the boot is raised; a later one is part of the result.

    *show* is given each command line that was used, ready to paste.
    """
    watch = Stopwatch()
    if request.attach:
        return _judge_attached(request, progress, watch)
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
    request: RunRequest,
    progress: Progress,
    watch: Stopwatch,
    show: Callable[[str], None] | None = None,
    *,
    launch: Launch | None = None,
) -> RunResult:
    """Judge a kernel for which module and agent are built.

    *show* is given each command line that was used; *launch* replaces the way the guest starts.
    A crash or a hang is confirmed: the program runs again.  A kernel that lays out its windows in
    another order is judged again with that order.
    """
    work = _Work(prepared, progress, show, launch)
    request = replace(request, shape=usual_machine(request.shape, prepared.kernel))
    judged_how = _judge_twice if request.deterministic else _judged
    result = judged_how(work, request, watch)
    if order := order_of_windows(result):
        request = replace(request, shape=with_order(request.shape, order))
        result = judged_how(work, request, watch)

    def rerun(again: RunRequest) -> RunResult:
        with watch.phase("run again"):
            return judge(prepared, again, progress, Stopwatch(), launch=launch)

    return confirmed(result, request, rerun)


class _Work(NamedTuple):
    """The things that stay the same when a request is judged more than once."""

    prepared: Prepared
    progress: Progress
    show: Callable[[str], None] | None
    launch: Launch | None


def _judged(work: _Work, request: RunRequest, watch: Stopwatch) -> RunResult:
    """Judge in one guest."""
    return _judge_once(work, request, watch)[0]


def _judge_twice(work: _Work, request: RunRequest, watch: Stopwatch) -> RunResult:
    """Record the requests in a guest over a link; then judge one that executes them by itself.

    If the first guest fails, the record is not complete, and the result is that of the first
    guest.
    """
    ordinary = replace(request, shape=replace(request.shape, icount=False), trace=None)
    with watch.phase("record"):
        learnt, script = _judge_once(work._replace(show=None), ordinary, Stopwatch())
    if script is None:
        note = (
            "the guest failed while the programs were recorded; "
            "this is that guest, not a deterministic one"
        )
        return replace(learnt, notes=(*learnt.notes, note))
    return _judge_once(work, request, watch, script)[0]


def _judge_once(
    work: _Work, request: RunRequest, watch: Stopwatch, script: RequestScript | None = None
) -> tuple[RunResult, RequestScript | None]:
    """The result; and the requests that were sent, if they were to be recorded and none failed."""
    prepared, progress, show, launch = work
    kernel, shape = prepared.kernel, request.shape
    what = plan_words(request.plan)
    progress.step(f"starting {kernel.release}, smp={shape.smp}, for {what}")
    try:
        with watch.phase("boot"):
            parts = prepared.parts(shape)
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
    launch: Launch | None, parts: GuestParts, request: RunRequest, script: RequestScript | None
) -> Guest:
    if script:
        return parts.boot(request.out, script)
    return (launch or (start if request.template else GuestParts.boot))(parts, request.out)


def _not_booted(
    kernel: Kernel, request: RunRequest, watch: Stopwatch, error: HarnessError
) -> RunResult:
    """The result of a kernel that does not boot: an error, as no step of it was judged."""
    dead = isinstance(error, KernelError)
    reports = error.reports if isinstance(error, KernelError) else ()
    return RunResult(
        kernel=KernelFacts.of(kernel),
        machine=describe_shape(request.shape),
        command="",
        seed=request.plan.seed,
        phases=watch.seconds,
        error=f"{'the kernel' if dead else 'the guest'} did not boot: {error}{_first(reports)}",
        dead=dead,
        reports=reports,
    )


def _first(reports: tuple[tuple[str, ...], ...]) -> str:
    """The first report, as lines to append to an error."""
    return "".join(f"\n    said first: {line}" for one in reports[:1] for line in one[:_LINES])


def _judge_attached(request: RunRequest, progress: Progress, watch: Stopwatch) -> RunResult:
    """Judge in the guest that ``kmap-harness ssh`` started; it keeps running afterwards."""
    with watch.phase("attach"):
        state = find(request.attach)
        build_dir = Path(state.build_dir) if state.build_dir else None
        kernel, guest = find_kernel(state.kernel, build_dir, progress), attach(state)
    result = _judge_in(kernel, guest, request, progress, watch)

    def rerun(again: RunRequest) -> RunResult:
        prepared = prepare(state.kernel, build_dir, progress)
        return judge(prepared, replace(again, attach=""), progress, Stopwatch())

    return confirmed(result, request, rerun)


def _judge_in(
    kernel: Kernel,
    guest: Guest,
    request: RunRequest,
    progress: Progress,
    watch: Stopwatch,
    *,
    dwarf: DwarfFacts | None = None,
) -> RunResult:
    with ExitStack() as held:
        held.enter_context(guest)
        try:
            booted = made_ready(kernel, guest, request.shape, dwarf)
        except KernelError as error:
            return _not_booted(kernel, request, watch, error)
        result = GuestRun(request, booted, progress, watch, held).result()
        result = replace(result, unwatched_flushes=booted.unwatched)
        if request.coverage:
            collect(guest, kernel, request.coverage)
        return result


def _ignore(what: object) -> None:
    """Takes command lines that nobody wants to see."""
    del what
