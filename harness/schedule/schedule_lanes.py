"""Draws a schedule: a lane for each thread, time from top to bottom."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from harness.guest.gate_wire import Gate, GateKind
from harness.guest.schedule_wire import GateEvent
from harness.schedule.held_locks import thread_name
from harness.schedule.schedules_result import FoundSchedule
from harness.schedule.thread_program import ThreadProgram

_BEFORE: Final = {
    GateKind.CALL: "calls {callee}",
    GateKind.ACQUIRE: "takes a lock",
    GateKind.SCHEDULE: "calls {callee}",
    GateKind.FLUSH: "flushes the TLB",
    GateKind.RELEASE: "releases a lock",
    GateKind.ACCESS: "{callee}",
}
_AFTER: Final = {
    GateKind.ACQUIRE: "has a lock",
    GateKind.RELEASE: "has released a lock",
    GateKind.SCHEDULE: "goes on after {callee}",
}


class LaneStep(NamedTuple):
    """One step of a schedule: who takes it, and the words for it."""

    thread: int
    words: str


def lane_steps(program: ThreadProgram, found: FoundSchedule) -> Iterator[LaneStep]:
    """The steps of a schedule in their order."""
    return (LaneStep(one.thread, _words(program, found.gates, one)) for one in found.events)


def lane_lines(program: ThreadProgram, found: FoundSchedule) -> Iterator[str]:
    """The schedule, a line for each step; a line between two threads marks a switch."""
    rows = list(lane_steps(program, found))
    count = len(program.threads)
    widths = [max((len(text) for who, text in rows if who == n), default=8) for n in range(count)]
    names = [thread_name(program, n) for n in range(count)]
    widths = [max(width, len(name)) for width, name in zip(widths, names, strict=True)]
    yield " | ".join(map(str.ljust, names, widths)).rstrip()
    last = -1
    for thread, text in rows:
        if last not in (-1, thread):
            yield "-+-".join("-" * width for width in widths)
        cells = (text if n == thread else "" for n in range(count))
        yield " | ".join(map(str.ljust, cells, widths)).rstrip()
        last = thread


def _words(program: ThreadProgram, gates: tuple[Gate, ...], event: GateEvent) -> str:
    kind = GateKind(event.kind)
    if kind is GateKind.START:
        return "begins"
    if kind is GateKind.PAUSE:
        return "  goes on"
    if kind is GateKind.SLEEP:
        return "  sleeps"
    if kind is GateKind.OPERATION:
        return str(program.threads[event.thread][event.gate])
    gate = gates[event.gate]
    words = (_AFTER if event.after else _BEFORE).get(kind, "calls {callee}")
    return f"  {words.format(callee=gate.callee)}: {gate.place}"
