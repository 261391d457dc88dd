"""Replays a history in the order in which kmap_lock was held, to check the behaviour exactly.

In that order pkmap is deterministic (mm/highmem.c, 2.6.32 to 7.3): the state at the beginning
decides the address of every kmap, every wait, and the counts and the cursor at the end.  The
replay takes linear time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from harness.guest.history_wire import HistoryCode, HistoryEvent, HistoryOutcome, ThreadState
from harness.history.history import History, SlotState


@dataclass(frozen=True, slots=True)
class LockOrderReplay:
    """The result of a replay.

    ``sections`` critical sections did what the replay did; ``undecided`` were not replayed.
    ``odd`` describes the first difference, in ``event`` of ``thread``.
    """

    sections: int
    undecided: int
    odd: str = ""
    thread: int = -1
    event: HistoryEvent | None = None


class CriticalSection(NamedTuple):
    """One critical section of a thread.

    ``last`` says that its operation ended in it; else the thread went to sleep after it.
    """

    thread: int
    event: HistoryEvent
    last: bool


def replay(history: History, *, known: bool = True) -> LockOrderReplay:
    """Replay *history*, if the stamps of its critical sections are known.

    The counts and the cursor of the kernel are *known*, or nothing can be replayed.
    """
    sections = tuple(_sections(history))
    if not (known and history.witnessed and history.complete):
        return LockOrderReplay(0, len(sections))
    pkmap = Pkmap(history.before, history.cursors[0])
    for number, section in enumerate(sections):
        odd = _differs(pkmap, history, section)
        if odd:
            return _verdict(history, number, len(sections), odd, section)
    odd = _end(pkmap, history) if history.outcome is HistoryOutcome.FINISHED else ""
    return _verdict(history, len(sections), len(sections), odd, None)


def _verdict(
    history: History, agreed: int, total: int, odd: str, section: CriticalSection | None
) -> LockOrderReplay:
    """A difference counts only if nobody else used the lock: that may be the reason for it."""
    if not odd:
        return LockOrderReplay(agreed, 0)
    if history.foreign:
        return LockOrderReplay(agreed, total - agreed)
    return LockOrderReplay(
        agreed,
        total - agreed,
        odd,
        section.thread if section else -1,
        section.event if section else None,
    )


def _sections(history: History) -> Iterator[CriticalSection]:
    at: list[CriticalSection | None] = [None] * (history.clock + 2)
    for thread, events in enumerate(history.events):
        for event in events:
            if event.code in (HistoryCode.KMAP, HistoryCode.KUNMAP):
                at[event.ordered] = CriticalSection(thread, event, last=True)
            elif event.code == HistoryCode.SECTION:
                at[event.ordered] = CriticalSection(thread, event, last=False)
    for one in history.pending:
        if one.state is ThreadState.SLEPT:
            event = HistoryEvent(
                one.invoked, one.section, 0, 0, one.page, HistoryCode.SECTION, 0, 0
            )
            at[one.section] = CriticalSection(one.thread, event, last=False)
    at[0] = None
    return (section for section in at if section)


def _differs(pkmap: "Pkmap", history: History, section: CriticalSection) -> str:
    """Replay one section; return in words how the kernel differs, or an empty text."""
    event = section.event
    if not section.last:
        slot = None if event.page in pkmap.slot_of else pkmap.scan()
        return "" if slot is None else f"slept for want of a slot though slot {slot} was there"
    if event.code == HistoryCode.KUNMAP:
        return "" if pkmap.unmap(event.page) else "unmapped a page that has no users"
    mapped = pkmap.map(event.page)
    if mapped is None:
        return f"gave {event.value:#x} though no slot was left"
    wanted = history.layout.pkmap_address(mapped)
    return (
        ""
        if wanted == event.value
        else f"gave {event.value:#x}, slot {mapped} at {wanted:#x} is next"
    )


def _end(pkmap: "Pkmap", history: History) -> str:
    """How the state at the end differs from that of the replay, or an empty text."""
    if pkmap.cursor != history.cursors[1]:
        return f"the cursor ended at {history.cursors[1]}, not at {pkmap.cursor}"
    for slot, after in enumerate(history.after):
        count, page = pkmap.counts[slot], pkmap.page_at[slot] if pkmap.counts[slot] else None
        if (count, page) != after:
            seen = f"count {after.pkmap_count}, page {after.page}"
            return f"slot {slot} ended with {seen}, not {count}, {page}"
    return ""


class Pkmap:
    """The pkmap area under its lock: map_new_virtual() without its loop over the slots."""

    def __init__(self, before: tuple[SlotState, ...], cursor: int) -> None:
        self.counts = [slot.pkmap_count for slot in before]
        self.page_at = [slot.page for slot in before]
        self.cursor = cursor
        self.slot_of = {
            page: n for n, page in enumerate(self.page_at) if page is not None and self.counts[n]
        }
        self._zero = {n for n, count in enumerate(self.counts) if count == 0}
        self._unused = {n for n, count in enumerate(self.counts) if count == 1}
        self._ahead = sorted((n for n in self._zero if n > cursor), reverse=True)

    def scan(self) -> int | None:
        """Move the cursor to the slot of the next new mapping; None if there is none."""
        if not self._ahead:
            self._flush()
            self._ahead = sorted(self._zero, reverse=True)
        if not self._ahead:
            self.cursor = len(self.counts) - 1
            return None
        self.cursor = self._ahead.pop()
        self._zero.discard(self.cursor)
        return self.cursor

    def _flush(self) -> None:
        for slot in self._unused:
            self.counts[slot] = 0
            page = self.page_at[slot]
            if page is not None:
                del self.slot_of[page]
        self._zero |= self._unused
        self._unused.clear()

    def map(self, page: int) -> int | None:
        """Do what kmap_high() does under the lock; None if it would sleep."""
        slot = self.slot_of.get(page)
        if slot is None:
            slot = self.scan()
            if slot is None:
                return None
            self.counts[slot] = 1
            self.page_at[slot] = page
            self.slot_of[page] = slot
        elif self.counts[slot] == 1:
            self._unused.discard(slot)
        self.counts[slot] += 1
        return slot

    def unmap(self, page: int) -> bool:
        """Do what kunmap_high() does under the lock; False if the page has no users."""
        slot = self.slot_of.get(page)
        if slot is None or self.counts[slot] < 2:
            return False
        self.counts[slot] -= 1
        if self.counts[slot] == 1:
            self._unused.add(slot)
        return True
