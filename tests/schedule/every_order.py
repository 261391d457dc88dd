"""All orders of the steps of small programs, by a search that shares nothing with the module's.

Only programs are covered in which nobody waits for a slot: each operation takes the lock, does its
work, and releases it.
"""

from collections.abc import Iterator
from typing import NamedTuple

from harness.guest.gate_wire import GateKind

BEGIN = (GateKind.START, GateKind.OPERATION)
TAKE = (GateKind.ACQUIRE, GateKind.RELEASE)
NEXT = (GateKind.OPERATION,)


class Stand(NamedTuple):
    """Where each thread is: how many of its pieces it has done."""

    done: tuple[int, ...]
    running: int | None
    preemptions: int
    events: tuple[tuple[int, GateKind], ...]


def pieces(operations):
    """What a thread does between two gates; it waits before each of these pieces."""
    yield BEGIN
    for number in range(operations):
        yield TAKE
        yield NEXT if number + 1 < operations else ()


def orders(threads: tuple[int, ...], bound: int) -> Iterator[tuple[tuple[int, GateKind], ...]]:
    """The events of each order of threads with so many operations, with few preemptions.

    The lock is free at every gate, so that every thread that is not at its end can go on.
    """
    programs = [tuple(pieces(count)) for count in threads]
    open_stands = [Stand((0,) * len(threads), None, 0, ())]
    while open_stands:
        stand = open_stands.pop()
        able = [n for n, program in enumerate(programs) if stand.done[n] < len(program)]
        if not able:
            yield stand.events
        for choice in able:
            paid = stand.preemptions + (stand.running in able and choice != stand.running)
            if paid <= bound:
                open_stands.append(after(stand, choice, paid, programs[choice]))


def after(stand, choice, preemptions, program):
    """The thread of that number has done its next piece."""
    events = tuple((choice, kind) for kind in program[stand.done[choice]])
    done = tuple(count + (n == choice) for n, count in enumerate(stand.done))
    return Stand(done, choice, preemptions, stand.events + events)
