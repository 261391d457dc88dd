"""Measures how concurrent a history was: operations that overlapped others, or slept."""

from dataclasses import dataclass

from harness.guest.history_wire import SLEPT, HistoryCode
from harness.history.history import History

_MEASURED = (HistoryCode.KMAP, HistoryCode.KUNMAP, HistoryCode.PAGE_ADDRESS)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Number of operations, of those that overlapped another, and of those that slept.

    ``waited`` counts searches for a slot that found none.
    """

    operations: int = 0
    overlapped: int = 0
    slept: int = 0
    waited: int = 0

    def __add__(self, other: "Overlap") -> "Overlap":
        return Overlap(
            self.operations + other.operations,
            self.overlapped + other.overlapped,
            self.slept + other.slept,
            self.waited + other.waited,
        )


def overlap(history: History) -> Overlap:
    """Count the operations of *history* in one pass over the stamps."""
    begins, ends = bytearray(history.clock + 2), [0] * (history.clock + 2)
    operations = slept = waited = 0
    for events in history.events:
        for event in events:
            if event.code in _MEASURED:
                operations += 1
                slept += event.flags & SLEPT
                begins[event.invoked] = 1
                ends[event.returned] = event.invoked
            elif event.code == HistoryCode.SECTION:
                waited += 1
    return Overlap(operations, _overlapped(begins, ends), slept, waited)


def _overlapped(begins: bytearray, ends: list[int]) -> int:
    """Count operations that began while another was open, or during which another began."""
    running, newest, found = 0, 0, 0
    beside: set[int] = set()
    for stamp, begin in enumerate(begins):
        if begin:
            if running:
                beside.add(stamp)
            running, newest = running + 1, stamp
        elif ends[stamp]:
            running -= 1
            found += ends[stamp] in beside or newest > ends[stamp]
            beside.discard(ends[stamp])
    return found
