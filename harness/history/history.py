"""One concurrent history, ready to be judged: pages have their numbers in the pools."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from harness.guest.history_wire import (
    HistoryCode,
    HistoryEvent,
    HistoryOutcome,
    RawHistory,
    ThreadState,
)
from harness.model.records.layout import Layout


class PendingOperation(NamedTuple):
    """An operation that never returned; ``section`` is the stamp of its last critical section.

    A ``section`` of 0 says that it entered none.
    """

    thread: int
    code: HistoryCode
    page: int
    invoked: int
    section: int
    state: ThreadState


class SlotState(NamedTuple):
    """A pkmap slot at rest: its count and the number of its page.

    A page of no pool has the negative of its pfn.
    """

    pkmap_count: int
    page: int | None


@dataclass(frozen=True, slots=True)
class History:
    """The acts of each thread, and the state of the slots before and after.

    Stamps count from 1 to ``clock`` and order all events.  ``witnessed`` says that the critical
    sections of kmap_lock have stamps.  ``foreign`` counts sections of other users of the lock.
    """

    layout: Layout
    events: tuple[tuple[HistoryEvent, ...], ...]
    cpus: tuple[int, ...]
    pending: tuple[PendingOperation, ...]
    before: tuple[SlotState, ...]
    after: tuple[SlotState, ...]
    cursors: tuple[int, int]
    clock: int
    outcome: HistoryOutcome = HistoryOutcome.FINISHED
    witnessed: bool = False
    foreign: int = 0
    dropped: int = 0
    free: tuple[int, int] = (0, 0)
    """Number of slots with count 0, and with count 1, when all threads slept."""

    @property
    def operations(self) -> int:
        """Number of operations that returned."""
        return sum(event.code != HistoryCode.SECTION for events in self.events for event in events)

    @property
    def sleepers(self) -> tuple[PendingOperation, ...]:
        """The operations that slept at the end."""
        return tuple(one for one in self.pending if one.state is ThreadState.SLEPT)

    @property
    def complete(self) -> bool:
        """Tell whether the log holds all events, the end included.

        It does not if it says that all threads sleep while none does: somebody else has woken
        them, a kunmap of the kernel's own, say.
        """
        woken = self.outcome is HistoryOutcome.ASLEEP and not self.sleepers
        return not self.dropped and self.outcome is not HistoryOutcome.STUCK and not woken

    def pinned(self) -> Iterator[tuple[int, int, int]]:
        """Page, slot and number of users of each mapping that was there before and stays."""
        for number, slot in enumerate(self.before):
            if slot.pkmap_count > 1 and slot.page is not None:
                yield slot.page, number, slot.pkmap_count - 1


def history_of(raw: RawHistory, layout: Layout, pages: Mapping[int, int]) -> History:
    """The history in the log *raw*; *pages* gives the number of each pool page by its pfn."""
    head = raw.head
    return History(
        layout=layout,
        events=raw.events,
        cpus=tuple(one.cpu for one in raw.threads),
        pending=tuple(_pending(raw)),
        before=tuple(_slot(one.pkmap_count, one.pfn, pages) for one in raw.before),
        after=tuple(_slot(one.pkmap_count, one.pfn, pages) for one in raw.after),
        cursors=(head.cursor_before, head.cursor_after),
        clock=max(head.clock, _last_stamp(raw)),
        outcome=HistoryOutcome(head.outcome),
        witnessed=bool(head.witness),
        foreign=head.foreign,
        dropped=head.dropped,
        free=(head.free_slots, head.unused_slots),
    )


def _pending(raw: RawHistory) -> Iterator[PendingOperation]:
    for number, one in enumerate(raw.threads):
        if one.code:
            state = ThreadState(one.state)
            yield PendingOperation(
                number, HistoryCode(one.code), one.page, one.invoked, one.section, state
            )


def _last_stamp(raw: RawHistory) -> int:
    """The last stamp in the log; the log of a guest that died does not state it."""
    found = [
        max(event.invoked, event.ordered, event.returned) for each in raw.events for event in each
    ]
    return max((0, *found, *(max(one.invoked, one.section) for one in raw.threads)))


def _slot(count: int, pfn: int, pages: Mapping[int, int]) -> SlotState:
    return SlotState(count, pages.get(pfn, -pfn) if pfn else None)
