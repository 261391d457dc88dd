"""Every schedule of small programs, as programs of a check."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shlex import join, quote

from harness.base.progress import Progress
from harness.base.project import NAME
from harness.check.checked_program import (
    CRASH,
    NOT_DECIDED,
    CheckedKind,
    CheckedProgram,
    Finding,
    message_name,
)
from harness.check.history_programs import ODD
from harness.guest.shape import Shape
from harness.kernel.kernel_record import Kernel
from harness.run.prepare import Prepared
from harness.schedule.gate_finder import NoGatesError
from harness.schedule.program_search import DEPARTED
from harness.schedule.schedule_lanes import lane_lines
from harness.schedule.schedule_runner import UNDECIDED, SchedulesRequest, run_schedules
from harness.schedule.schedules_result import FoundSchedule, ProgramSchedules, SchedulesResult
from harness.schedule.standard_programs import possible, standard_programs
from harness.schedule.thread_program import ThreadProgram

SECONDS = 180.0
"""The budget of one kernel; the standard set takes a third of it on a busy host."""
ENOUGH = 5
"""Programs that break a rule: a kernel that fails in all of them has shown enough by then."""
CPUS = 4
_TITLE = "every order of the steps of a few threads, and an order that explains what they saw"
_NAME = "schedules"
_UNDECIDED = (*UNDECIDED, DEPARTED)
"""A search that another event of the guest has disturbed says nothing about the kernel."""


def divided_programs(kernel: Kernel) -> tuple[tuple[ThreadProgram, ...], ...]:
    """Divide what *kernel* can run of the standard set for two guests that run at the same time.

    The second guest gets two programs of three, since the first one runs the histories as well.
    """
    programs = possible(standard_programs(), kernel)
    return programs[::3], tuple(one for at, one in enumerate(programs) if at % 3)


def run_schedule_programs(
    prepared: Prepared,
    programs: tuple[ThreadProgram, ...],
    shape: Shape,
    out: Path,
    progress: Progress,
) -> tuple[CheckedProgram, ...]:
    """Run the schedules of *programs* on a machine like *shape*; each program is one.

    None of them applies to a kernel whose schedules cannot be decided.
    """
    out.mkdir(parents=True, exist_ok=True)
    machine = replace(shape, smp=max(shape.smp, CPUS), parallel=False)
    wanted = tuple(map(str, programs))
    request = SchedulesRequest(
        programs, machine, out, seconds=SECONDS, strict=False, template=False, enough=ENOUGH
    )
    try:
        result = run_schedules(prepared, request, progress)
    except NoGatesError as error:
        return tuple(_not_run(one, error.message) for one in wanted)
    return schedule_programs(result, wanted, prepared.kernel)


def schedule_programs(
    result: SchedulesResult, wanted: tuple[str, ...], kernel: Kernel
) -> tuple[CheckedProgram, ...]:
    """The programs of a run; what is unknown of all of them belongs to the whole set."""
    done = [_program(one, kernel) for one in result.programs]
    why = "the time was over" if len(result.violating) < ENOUGH else "others had failed"
    left = [_not_run(one, why) for one in wanted[len(done) :]]
    found = (*done, *left)
    said = tuple(_said(result))
    if said:
        found += (CheckedProgram(_NAME, CheckedKind.CONTRACT, _TITLE, broken=said),)
    if result.error:
        found += (CheckedProgram(_NAME, CheckedKind.ERROR, _TITLE, reason=result.error),)
    return found


def _not_run(program: str, why: str) -> CheckedProgram:
    name, reason = f"{_NAME}: {program}", f"{NOT_DECIDED}: {why}"
    return CheckedProgram(name, CheckedKind.NOT_APPLICABLE, _TITLE, reason=reason)


def _said(result: SchedulesResult) -> Iterator[Finding]:
    """Yield each complaint of the kernel for which no program is to blame."""
    blamed = "; ".join(one.crash for one in result.programs)
    for said in dict.fromkeys(result.troubles):
        if said not in blamed:
            yield Finding(message_name(said), _NAME, result.troubles.count(said), (said,), said)


def _program(one: ProgramSchedules, kernel: Kernel) -> CheckedProgram:
    broken = tuple(_broken(one, kernel))
    odd = one.odd[:1] if not broken else ()
    changed = tuple(
        Finding(ODD, str(one.program), each.times, _shown(one, each, kernel)) for each in odd
    )
    return CheckedProgram(
        program=f"{_NAME}: {one.program}",
        kind=_kind(one, broken, changed),
        title=_TITLE,
        steps=one.steps,
        broken=broken,
        changed=changed,
        reason="" if one.complete or broken else _why_not(one),
    )


def _kind(
    one: ProgramSchedules, broken: tuple[Finding, ...], changed: tuple[Finding, ...]
) -> CheckedKind:
    if broken:
        return CheckedKind.CONTRACT
    if one.unknown in _UNDECIDED:
        return CheckedKind.NOT_APPLICABLE
    if one.unknown or not one.complete:
        return CheckedKind.UNKNOWN
    return CheckedKind.BEHAVIOUR if changed else CheckedKind.AGREE


def _why_not(one: ProgramSchedules) -> str:
    return f"{NOT_DECIDED}: {one.unknown}" if one.unknown in _UNDECIDED else one.unknown


def _broken(one: ProgramSchedules, kernel: Kernel) -> Iterator[Finding]:
    """Each broken rule with its shortest schedule; of a crash the schedule, if it is known."""
    place = str(one.program)
    for each in one.violations:
        lines = _shown(one, each, kernel)
        yield Finding(f"order: {each.rule}", place, each.times, lines)
    if one.crash:
        lines = (*one.crash.splitlines(), *_again(one, one.death, kernel))
        yield Finding(CRASH, place, 1, lines)


def _shown(one: ProgramSchedules, each: FoundSchedule, kernel: Kernel) -> tuple[str, ...]:
    drawn = lane_lines(one.program, each)
    return (each.detail, *drawn, *each.window, *_again(one, each.choices or "-", kernel))


def _again(one: ProgramSchedules, choices: str, kernel: Kernel) -> Iterator[str]:
    """The command that replays a schedule while the build of the kernel is there."""
    if choices:
        words = (NAME, _NAME, "--kernel", str(kernel.boot_image))
        place = ("--build-dir", str(kernel.build_dir), "--programs")
        yield f"replay: {join((*words, *place))} {quote(str(one.program))} --replay {choices}"
