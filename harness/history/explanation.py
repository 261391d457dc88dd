"""Decides exactly whether some order of its operations explains a history.

The contract of kmap and kunmap: while a page has users, kmap returns its address; else it returns
an address that no other page with users has.  The kernel may drop an unused mapping at any moment.

A single pass decides it.  It takes every kunmap to happen at its invocation and every kmap at its
return, so that each page has users for the shortest time possible.  If any order explains the
history, this one does, too: moving a kunmap to its invocation, or a kmap to its return, only
shortens the time in which a page has users, and all that the contract allows with the longer time
it also allows with the shorter one.  (tests/history compares the pass with a search of all
orders.)
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from harness.guest.history_wire import (
    FAULT,
    TAG,
    HistoryCode,
    HistoryEvent,
    HistoryOutcome,
    ThreadState,
)
from harness.history.history import History, PendingOperation
from harness.model.records.layout import PAGE_SIZE

MOST = 50
"""Violations reported of one history, since one bug breaks thousands of operations."""


class HistoryRule(StrEnum):
    """The rules that a history can break."""

    TWO_PAGES = "two pages on one slot"
    TWO_SLOTS = "one page on two slots"
    PAGE_ADDRESS = "page_address at odds with the mappings"
    ADDRESS = "an address outside of its area"
    DATA = "another page's data behind a mapping"
    OWN_DATA = "a thread does not read the value that it wrote"
    FAULT = "a fault on a mapped address"
    LOST_WAKEUP = "asleep though a slot is free"
    LEAKED_SLOTS = "asleep though the history leaves slots free"
    KEPT = "a slot stays in use without a user"
    FORGOTTEN = "a slot with users counts as unused"
    DIED = "a thread died"
    DEADLOCK = "threads wait for locks that stay taken"


class PlacedEvent(NamedTuple):
    """An event and the number of its thread."""

    thread: int
    event: HistoryEvent


class HistoryViolation(NamedTuple):
    """A broken rule, its description, and the operations that no order explains together."""

    rule: HistoryRule
    detail: str
    places: tuple[PlacedEvent, ...]

    @property
    def window(self) -> tuple[int, int]:
        """First and last stamp of the contradiction.

        A kmap counts from its return, a sleeper from its last search for a slot.
        """
        begins = [_begin(event) for _, event in self.places]
        ends = [event.returned for _, event in self.places]
        return (min(begins), max(*begins, *ends)) if begins else (0, 0)


def _begin(event: HistoryEvent) -> int:
    if event.code == HistoryCode.KMAP and event.returned:
        return event.returned
    return event.ordered or event.invoked


def violations(history: History) -> tuple[HistoryViolation, ...]:
    """The violations of *history*, the one with the shortest window first."""
    sweep = _Sweep(history)
    found = [*sweep.run(), *_data(history), *_end(history, sweep.freed)]
    return tuple(sorted(found, key=lambda one: one.window[1] - one.window[0]))


class _Sweep:
    """The pass over all mappings, in the order that the module's docstring describes."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.users: dict[tuple[int, int], int] = {}
        self.address_of: dict[int, int] = {}
        self.page_at: dict[int, int] = {}
        self.newest: dict[tuple[int, int], PlacedEvent] = {}
        self.asked: dict[int, tuple[HistoryEvent, bool]] = {}
        self.found: list[HistoryViolation] = []
        self.freed: list[PlacedEvent] = []
        """The unmaps that took away the last user of a page."""
        for page, slot, users in history.pinned():
            address = history.layout.pkmap_address(slot)
            self.users[page, address] = users
            self.address_of[page] = address
            self.page_at[address] = page

    def run(self) -> list[HistoryViolation]:
        low = self.history.layout.pkmap_base
        high = low + (self.history.layout.last_pkmap * PAGE_SIZE)
        for place in self._points():
            event = place.event
            if event.code == HistoryCode.KMAP:
                if not low <= event.value < high or event.value % PAGE_SIZE:
                    self._add(HistoryRule.ADDRESS, f"kmap gave {event.value:#x}", place)
                self._map(place)
            elif event.code == HistoryCode.KUNMAP:
                self._unmap(place)
            else:
                self._ask(place)
            if len(self.found) >= MOST:
                break
        return self.found

    def _points(self) -> Iterator[PlacedEvent]:
        """Maps at their return, unmaps at their invocation, page_address at both."""
        at: list[PlacedEvent | None] = [None] * (self.history.clock + 2)
        for thread, events in enumerate(self.history.events):
            for event in events:
                code = event.code
                if code == HistoryCode.KMAP:
                    at[event.returned] = PlacedEvent(thread, event)
                elif code == HistoryCode.KUNMAP:
                    at[event.invoked] = PlacedEvent(thread, event)
                elif code == HistoryCode.PAGE_ADDRESS:
                    at[event.invoked] = at[event.returned] = PlacedEvent(thread, event)
        return (place for place in at if place)

    def _map(self, place: PlacedEvent) -> None:
        _, event = place
        page, address = key = event.page, event.value
        users = self.users.get(key, 0)
        self.users[key] = users + 1
        if not users:
            self._compare(place)
            self.address_of[page] = address
            self.page_at[address] = page
            if self.asked:
                self._answer()
        self.newest[key] = place

    def _compare(self, place: PlacedEvent) -> None:
        """Report a new mapping that contradicts one that lasts."""
        page, address = place.event.page, place.event.value
        other_page, other_address = self.page_at.get(address), self.address_of.get(page)
        if other_page is not None and other_page != page:
            words = f"{address:#x} given for page {page} while page {other_page} is mapped there"
            self._add(HistoryRule.TWO_PAGES, words, place, self.newest.get((other_page, address)))
        if other_address is not None and other_address != address:
            words = f"page {page} mapped at {address:#x} while mapped at {other_address:#x}"
            self._add(HistoryRule.TWO_SLOTS, words, place, self.newest.get((page, other_address)))

    def _unmap(self, place: PlacedEvent) -> None:
        page, address = key = place.event.page, place.event.value
        users = self.users.get(key, 0) - 1
        if users > 0:
            self.users[key] = users
            return
        self.users.pop(key, None)
        self.freed.append(place)
        if self.address_of.get(page) == address:
            del self.address_of[page]
        if self.page_at.get(address) == page:
            del self.page_at[address]
        if self.asked:
            self._answer()

    def _ask(self, place: PlacedEvent) -> None:
        """Report a page_address that no moment between invocation and return explains."""
        thread = place.thread
        if place.event is not self.asked.get(thread, (None, False))[0]:
            self.asked[thread] = (place.event, self._explains(place.event))
            return
        _, explained = self.asked.pop(thread)
        if not explained:
            words = f"page_address(page {place.event.page}) = {place.event.value:#x}"
            self._add(HistoryRule.PAGE_ADDRESS, words, place, self._holder(place.event))

    def _answer(self) -> None:
        """The mappings have changed: check the open page_address calls again."""
        for thread, (event, explained) in self.asked.items():
            if not explained and self._explains(event):
                self.asked[thread] = (event, True)

    def _explains(self, event: HistoryEvent) -> bool:
        """Tell whether page_address may return this now.

        That is the page's address; for a page without users, any that no other page has.
        """
        address = self.address_of.get(event.page)
        if address is not None:
            return event.value == address
        return not event.value or event.value not in self.page_at

    def _holder(self, event: HistoryEvent) -> PlacedEvent | None:
        """The operation that mapped the page, or else took the address."""
        address = self.address_of.get(event.page)
        if address is not None:
            return self.newest.get((event.page, address))
        return self.newest.get((self.page_at.get(event.value, -1), event.value))

    def _add(self, rule: HistoryRule, detail: str, *places: PlacedEvent | None) -> None:
        known = tuple(place for place in places if place)
        self.found.append(HistoryViolation(rule, detail, known))


def _data(history: History) -> Iterator[HistoryViolation]:
    """Check what each thread read through its mappings."""
    for thread, events in enumerate(history.events):
        written: dict[int, int] = {}
        newest: dict[int, HistoryEvent] = {}
        for event in events:
            code, page = event.code, event.page
            if code in (HistoryCode.KMAP, HistoryCode.LOCAL):
                newest[page] = event
            if event.flags & FAULT:
                words = f"at an address of page {page}"
                yield _of(HistoryRule.FAULT, words, thread, newest.get(page), event)
            elif code == HistoryCode.TAG_READ and event.value != TAG + page:
                words = _tag_words(page, event.value)
                yield _of(HistoryRule.DATA, words, thread, newest.get(page), event)
            elif code == HistoryCode.OWN_WRITE:
                written[page] = event.value
            elif code == HistoryCode.OWN_READ and event.value != written.get(page, 0):
                words = f"{event.value} read from page {page}, {written.get(page, 0)} written last"
                yield _of(HistoryRule.OWN_DATA, words, thread, newest.get(page), event)
            elif code == HistoryCode.LOCAL and not _in_window(history, thread, event.value):
                words = f"kmap_local gave {event.value:#x}, not of the window of its CPU"
                yield _of(HistoryRule.ADDRESS, words, thread, None, event)


def _of(
    rule: HistoryRule, detail: str, thread: int, before: HistoryEvent | None, event: HistoryEvent
) -> HistoryViolation:
    places = (PlacedEvent(thread, one) for one in (before, event) if one)
    return HistoryViolation(rule, detail, tuple(places))


def _tag_words(page: int, value: int) -> str:
    seen = f"page {value - TAG}" if 0 <= value - TAG < 1 << 16 else f"{value:#x}"
    return f"{seen} seen through a mapping of page {page}"


def _in_window(history: History, thread: int, address: int) -> bool:
    """Tell whether *address* is in the window of the thread's CPU; of any, if it is not fixed."""
    layout, cpu = history.layout, history.cpus[thread]
    place = layout.window_place(layout.fixindex(address))
    return place is not None and (cpu >= layout.nr_cpus or place[0] == cpu)


def _end(history: History, freed: list[PlacedEvent]) -> Iterator[HistoryViolation]:
    """Check the end: threads that sleep for ever, and threads that died."""
    for one in (each for each in history.pending if each.state is ThreadState.DIED):
        words = f"thread {one.thread} in {one.code.name.lower()} of page {one.page}"
        yield HistoryViolation(HistoryRule.DIED, words, (_pending_place(history, one.thread),))
    if history.outcome is HistoryOutcome.DEADLOCK:
        yield HistoryViolation(HistoryRule.DEADLOCK, "nobody can go on", ())
    if history.outcome is HistoryOutcome.ASLEEP and history.sleepers:
        yield _asleep(history, history.sleepers, freed)


def _asleep(
    history: History, sleepers: Sequence[PendingOperation], freed: list[PlacedEvent]
) -> HistoryViolation:
    """The violation of threads that sleep for ever.

    It names the first kunmap after the last sleeper's search: that should have woken them.
    """
    zero, unused = history.free
    words = f"{len(sleepers)} of {len(history.cpus)} threads sleep in kmap"
    places = [_pending_place(history, one.thread) for one in sleepers]
    if not zero + unused:
        words = f"{words} and every slot counts as used; the threads hold fewer"
        return HistoryViolation(HistoryRule.LEAKED_SLOTS, words, tuple(places))
    last = max(one.section or one.invoked for one in sleepers)
    waker = next((place for place in freed if place.event.returned > last), None)
    words = f"{words}, {zero} slots are free and {unused} unused; nobody is left to wake them"
    return HistoryViolation(
        HistoryRule.LOST_WAKEUP, words, (*places, waker) if waker else tuple(places)
    )


def _pending_place(history: History, thread: int) -> PlacedEvent:
    """The open operation of *thread*, as an event without a return."""
    one = next(each for each in history.pending if each.thread == thread)
    cpu = history.cpus[thread]
    event = HistoryEvent(one.invoked, one.section, 0, 0, one.page, one.code, cpu, 0)
    return PlacedEvent(thread, event)
