"""Shows a violation in words: the operations that no order explains together."""

from collections.abc import Iterator

from harness.guest.history_wire import SLEPT, HistoryCode, HistoryEvent
from harness.history.explanation import HistoryViolation, PlacedEvent
from harness.history.history import History

BESIDE = 8
"""Number of other operations on the same pages and slots that are shown at most."""


def window_lines(history: History, violation: HistoryViolation) -> Iterator[str]:
    """The violation's operations, marked, and others on the same pages or slots meanwhile."""
    yield f"{violation.rule}: {violation.detail}"
    first, last = violation.window
    if not violation.places:
        return
    yield f"stamps {first} to {last}:"
    own = {id(place.event) for place in violation.places}
    beside = [place for place in _beside(history, violation) if id(place.event) not in own]
    shown = [*violation.places, *beside[:BESIDE]]
    for place in sorted(shown, key=lambda one: one.event.invoked):
        yield _line(place, marked=id(place.event) in own)
    if len(beside) > BESIDE:
        yield f"  and {len(beside) - BESIDE} more of the same pages and slots"


def _beside(history: History, violation: HistoryViolation) -> Iterator[PlacedEvent]:
    first, last = violation.window
    pages = {place.event.page for place in violation.places}
    addresses = {place.event.value for place in violation.places}
    for thread, events in enumerate(history.events):
        for event in events:
            if event.code == HistoryCode.SECTION or event.returned < first or event.invoked > last:
                continue
            if event.page in pages or event.value in addresses:
                yield PlacedEvent(thread, event)


def _line(place: PlacedEvent, *, marked: bool) -> str:
    event = place.event
    end = event.returned or "never"
    order = f", lock at {event.ordered}" if event.ordered else ""
    slept = ", slept" if event.flags & SLEPT else ""
    where = f"thread {place.thread} CPU {event.cpu}"
    mark = ">" if marked else " "
    what = f"{words(event)}{order}{slept}"
    return f"{mark} {event.invoked:>8} .. {end:<8} {where}: {what}"


def words(event: HistoryEvent) -> str:
    """One operation in words, as ``kmap(page 3) = 0xff800000``."""
    page, value = f"page {event.page}", event.value
    if not event.returned:
        return f"{HistoryCode(event.code).name.lower()}({page}), which did not return"
    return {
        HistoryCode.KMAP: f"kmap({page}) = {value:#x}",
        HistoryCode.KUNMAP: f"kunmap({page}) at {value:#x}",
        HistoryCode.PAGE_ADDRESS: f"page_address({page}) = {value:#x}",
        HistoryCode.TAG_READ: f"read the tag of {page}: {value:#x}",
        HistoryCode.OWN_WRITE: f"wrote {value} to its word of {page}",
        HistoryCode.OWN_READ: f"read {value} from its word of {page}",
        HistoryCode.LOCAL: f"kmap_local({page}) = {value:#x}",
        HistoryCode.SECTION: f"looked in vain for a slot for {page}",
    }[HistoryCode(event.code)]
