"""A run of schedules for a terminal and as JSON."""

from collections.abc import Iterator
from dataclasses import asdict
from shlex import quote
from typing import Any, Final

from harness.compare.divergence import Verdict
from harness.report.phase_times import phase_words, phases_value
from harness.schedule.program_search import NO_CHOICE
from harness.schedule.schedule_lanes import lane_lines
from harness.schedule.schedules_result import FoundSchedule, ProgramSchedules, SchedulesResult

FORMAT: Final = 1
SHOWN: Final = 3
"""Programs whose violations are drawn."""
_VERDICTS: Final = {
    Verdict.AGREE: "AGREE: every schedule within the bound has an order that explains it",
    Verdict.DIVERGE: "DIVERGE: the kernel did what no order explains",
    Verdict.UNKNOWN: "UNKNOWN: not every schedule within the bound was judged",
    Verdict.ERROR: "ERROR: no verdict on the kernel",
}


def schedules_lines(result: SchedulesResult, command: str) -> Iterator[str]:
    """The report, line by line; *command* replays a schedule once its end is added."""
    kernel = result.kernel
    yield f"kernel      {kernel.release} ({kernel.name}; config {kernel.config_hash[:12]})"
    yield f"machine     {result.machine}"
    yield f"gates       level {result.level}"
    yield from (f"  no gate at {place}" for place in result.ungated)
    for one in result.programs:
        yield f"  {one.certificate}: {one.program}"
        if one.unknown:
            yield f"    unknown: {one.unknown}"
    yield from _findings(result, command)
    yield f"schedules   {_total(result)}"
    yield f"time        {phase_words(result.phases)}"
    yield f"verdict     {_verdict(result)}"


def _total(result: SchedulesResult) -> str:
    whole = f"{result.schedules} of {len(result.programs)} programs, bound {result.bound}"
    return f"{whole}, {result.left_out} programs left out" if result.left_out else whole


def _verdict(result: SchedulesResult) -> str:
    if result.verdict is not Verdict.DIVERGE or any(one.violations for one in result.programs):
        return _VERDICTS[result.verdict]
    if result.troubles or result.violating:
        return "DIVERGE: the kernel crashed, hung or complained"
    return "DIVERGE: behaviour: not what the order of its lock leads to"


def _findings(result: SchedulesResult, command: str) -> Iterator[str]:
    for rule, number in result.rules.most_common():
        yield f"broken      {rule}: in {number} of {len(result.programs)} programs"
    worst = sorted(
        (one for one in result.programs if one.violations),
        key=lambda one: one.violations[0].length,
    )
    for one in worst[:SHOWN]:
        yield from _drawn(one, one.violations[0], command)
    for one in result.odd[:SHOWN]:
        yield f"behaviour   {one.program}: {one.odd[0].detail}"
        yield f"  replay    {_replay(one, one.odd[0].choices, command)}"
    for one in result.programs:
        if one.crash:
            yield f"crash       {one.program}: {one.crash}"
        if one.death:
            yield f"  replay    {_replay(one, one.death, command)}"
    yield from (f"kernel said {trouble}" for trouble in result.troubles)
    if result.error:
        yield f"error       {result.error}"


def _drawn(one: ProgramSchedules, found: FoundSchedule, command: str) -> Iterator[str]:
    yield f"violation   {one.program}"
    yield (
        f"  {found.rule}: {found.detail}; {found.times} of {one.schedules} schedules; the "
        f"shortest has {found.preemptions} preemptions and {len(found.events)} steps"
    )
    yield from (f"    {line}" for line in lane_lines(one.program, found))
    yield from (f"    {line}" for line in found.window)
    yield f"  replay    {_replay(one, found.choices, command)}"


def _replay(one: ProgramSchedules, choices: str, command: str) -> str:
    return f"{command} --programs {quote(str(one.program))} --replay {choices or NO_CHOICE}"


def schedules_value(result: SchedulesResult) -> dict[str, Any]:
    """The run as one JSON object."""
    return {
        "format": FORMAT,
        "verdict": result.verdict.value,
        "exit_code": result.exit_code,
        "error": result.error,
        "kernel": asdict(result.kernel),
        "machine": result.machine,
        "command": result.command,
        "bound": result.bound,
        "level": result.level,
        "ungated": result.ungated,
        "schedules": result.schedules,
        "left_out": result.left_out,
        "rules": dict(result.rules),
        "troubles": result.troubles,
        "programs": [_program_value(one) for one in result.programs],
        "phases": phases_value(result.phases),
    }


def _program_value(one: ProgramSchedules) -> dict[str, Any]:
    return {
        "program": str(one.program),
        "certificate": one.certificate,
        "schedules": one.schedules,
        "logs": one.logs,
        "outcomes": one.outcomes,
        "steps": one.steps,
        "complete": one.complete,
        "gates": one.gates,
        "seconds": round(one.seconds, 3),
        "unknown": one.unknown,
        "crash": one.crash,
        "death": one.death,
        "violations": [_found_value(one, each) for each in one.violations],
        "behaviour": [_found_value(one, each) for each in one.odd],
    }


def _found_value(one: ProgramSchedules, found: FoundSchedule) -> dict[str, Any]:
    return {
        "rule": found.rule,
        "detail": found.detail,
        "schedules": found.times,
        "preemptions": found.preemptions,
        "replay": found.choices,
        "lanes": list(lane_lines(one.program, found)),
        "window": found.window,
    }
