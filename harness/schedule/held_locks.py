"""Who holds what where nobody can go on: read from the steps of a schedule."""

from collections.abc import Iterator, Sequence

from harness.guest.gate_wire import Gate, GateFlag, GateKind, GatePart
from harness.guest.schedule_wire import GateEvent, ScheduleContext
from harness.schedule.thread_program import ThreadProgram


def thread_name(program: ThreadProgram, number: int) -> str:
    """The name of a thread; an interrupt is named by its kind and the thread that takes it."""
    who = program.contexts[number]
    if who.context is ScheduleContext.TASK:
        return f"thread {number}"
    return f"{who.context.name.lower()} of {who.target}"


def lock_words(
    program: ThreadProgram, gates: Sequence[Gate], events: Sequence[GateEvent]
) -> Iterator[str]:
    """What each thread holds, and since which step, and which lock it has waited for since.

    The gate before a lock is passed only once that is free, so that who waits has no step there.
    """
    for number in range(len(program.threads)):
        taken = _taken(gates, number, events)
        for step in taken:
            gate = gates[events[step].gate]
            name = thread_name(program, number)
            yield f"{name} holds {_lock(gate)} since step {step + 1} ({gate.place})"


def _taken(gates: Sequence[Gate], thread: int, events: Sequence[GateEvent]) -> list[int]:
    """The steps at which a thread took locks that it has not released.

    A release by a jump has no gate: it is over when the thread takes the next lock of that kind,
    releases one that it took before, or begins its next operation.
    """
    taken: list[int] = []
    for step, one in enumerate(events):
        if one.thread != thread:
            continue
        if one.kind == GateKind.OPERATION:
            taken.clear()
        elif one.kind in (GateKind.ACQUIRE, GateKind.RELEASE) and _counts(one):
            del taken[_oldest(gates, gates[one.gate].part, events, taken) :]
            taken += [step] if one.kind == GateKind.ACQUIRE else []
    return taken


def _counts(event: GateEvent) -> bool:
    """Tell whether it is the beginning of a lock's section, or the end."""
    return bool(event.after) is (event.kind == GateKind.RELEASE)


def _oldest(
    gates: Sequence[Gate], part: GatePart, events: Sequence[GateEvent], taken: Sequence[int]
) -> int:
    """The place in *taken* of a lock that this part of the code takes, or the end."""
    parts = [gates[events[step].gate].part for step in taken]
    return parts.index(part) if part in parts else len(parts)


def _lock(gate: Gate) -> str:
    if gate.flags & GateFlag.SECTION:
        return "kmap_lock"
    return "a lock of page_address" if gate.part is GatePart.HASH else "a lock"
