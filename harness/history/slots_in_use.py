"""Compares the slots that are in use at the end with those that have users.

``pkmap_count`` says it: 2 or more.  A slot that stays in use without a user is lost; one that is
not in use while it has users goes to another page.  The order of the operations does not matter.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from harness.guest.history_wire import HistoryCode, HistoryOutcome
from harness.history.explanation import HistoryRule, HistoryViolation, PlacedEvent
from harness.history.history import History

_USERS: Final = {int(HistoryCode.KMAP): 1, int(HistoryCode.KUNMAP): -1}


def slots_at_odds(history: History) -> Iterator[HistoryViolation]:
    """Return each slot of which the count does not say whether it has users.

    Only of a history in which all operations returned, on a kernel whose count of a page that is
    mapped once was 2 before.
    """
    once = any(slot.pkmap_count == 2 for slot in history.before)
    if not once or history.pending or history.outcome is not HistoryOutcome.FINISHED:
        return
    users = _users(history)
    for number, slot in enumerate(history.after):
        address = history.layout.pkmap_address(number)
        if slot.pkmap_count > 1 and not users[address] and (slot.page or 0) >= 0:
            words = f"{address:#x} has a count of {slot.pkmap_count}, and nobody has mapped it"
            yield _violation(history, HistoryRule.KEPT, words, address)
        elif slot.pkmap_count < 2 and users[address]:
            words = f"{address:#x} has a count of {slot.pkmap_count}, and it has users"
            yield _violation(history, HistoryRule.FORGOTTEN, words, address)


def _users(history: History) -> Counter[int]:
    """Return how many users each address has at the end."""
    layout = history.layout
    users = Counter({layout.pkmap_address(slot): n for _, slot, n in history.pinned()})
    for one in _changes(history):
        users[one.event.value] += _USERS[one.event.code]
    return users


def _changes(history: History) -> Iterator[PlacedEvent]:
    for thread, events in enumerate(history.events):
        yield from (PlacedEvent(thread, one) for one in events if one.code in _USERS)


def _violation(history: History, rule: HistoryRule, detail: str, address: int) -> HistoryViolation:
    """Return it with the last operations on that address, one of each thread."""
    last = {one.thread: one for one in _changes(history) if one.event.value == address}
    return HistoryViolation(rule, detail, tuple(last.values()))
