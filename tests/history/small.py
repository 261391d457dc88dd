"""Small histories, and a search through all their orders to compare the decision with."""

from functools import cache
from typing import NamedTuple

from hypothesis import strategies as st

from harness.guest.history_wire import HistoryCode, HistoryEvent
from harness.history.history import History, SlotState
from tests.model.machines import LOCAL_PAE

SLOTS = 3
LAYOUT = LOCAL_PAE._replace(last_pkmap=SLOTS)
FREE = (SlotState(0, None),) * SLOTS


def event(code, page, invoked, returned, value=0, ordered=0, flags=0):
    return HistoryEvent(invoked, ordered, returned, value, page, code, 0, flags)


def address(slot):
    return LAYOUT.pkmap_address(slot)


def history(*threads, before=FREE, **more):
    """One of *threads*, each a sequence of events."""
    stamps = [max(e.invoked, e.ordered, e.returned) for events in threads for e in events]
    defaults = {
        "layout": LAYOUT,
        "events": tuple(tuple(events) for events in threads),
        "cpus": (0,) * len(threads),
        "pending": (),
        "before": before,
        "after": before,
        "cursors": (0, 0),
        "clock": max(stamps, default=0),
    }
    return History(**(defaults | more))


class Draft(NamedTuple):
    """An operation before it has stamps."""

    code: HistoryCode
    page: int
    value: int


@st.composite
def programs(draw, pages, length):
    """Draw one thread's operations: it unmaps only what it has mapped, at that address."""
    held, found = [], []
    for _ in range(draw(st.integers(0, length))):
        choice = draw(st.integers(0, 4))
        if choice < 2 or (not held and choice < 4):
            one = (draw(st.integers(0, pages - 1)), address(draw(st.integers(0, SLOTS - 1))))
            held.append(one)
            found.append(Draft(HistoryCode.KMAP, *one))
        elif choice < 4:
            found.append(Draft(HistoryCode.KUNMAP, *held.pop(draw(st.integers(0, len(held) - 1)))))
        else:
            value = draw(st.sampled_from((0, address(0), address(1))))
            found.append(Draft(HistoryCode.PAGE_ADDRESS, draw(st.integers(0, pages - 1)), value))
    return found


@st.composite
def histories(draw, threads=3, pages=3, length=4):
    """Programs with any addresses, interleaved at random: most have no order, many have one."""
    drafts = [draw(programs(pages, length)) for _ in range(threads)]
    waiting = [
        [(number, edge) for number in range(len(each)) for edge in (0, 1)] for each in drafts
    ]
    stamps, clock = [{} for _ in drafts], 0
    while any(waiting):
        thread = draw(st.sampled_from([n for n, left in enumerate(waiting) if left]))
        clock += 1
        stamps[thread][waiting[thread].pop(0)] = clock
    return history(
        *(
            [event(d.code, d.page, s[n, 0], s[n, 1], d.value) for n, d in enumerate(each)]
            for each, s in zip(drafts, stamps, strict=True)
        )
    )


def has_order(one):
    """Whether any order of the operations explains the history; tries all that respect time."""
    events = tuple(sorted(e for each in one.events for e in each))

    @cache
    def search(left, state):
        if not left:
            return True
        first_return = min(events[n].returned for n in left)
        return any(
            search(left - {n}, after)
            for n in left
            if events[n].invoked < first_return
            for after in _after(state, events[n])
        )

    return search(frozenset(range(len(events))), frozenset())


def _after(state, e):
    """The states after *e*, none where it is not allowed; a state is {(page, address, users)}."""
    mine = next((one for one in state if one[0] == e.page), None)
    others = {one[1] for one in state if one[0] != e.page}
    if e.code == HistoryCode.KMAP:
        if mine and mine[1] == e.value:
            yield state - {mine} | {(e.page, e.value, mine[2] + 1)}
        elif not mine and e.value not in others:
            yield state | {(e.page, e.value, 1)}
    elif e.code == HistoryCode.KUNMAP:
        if mine and mine[1] == e.value:
            left = state - {mine}
            yield left | {(e.page, e.value, mine[2] - 1)} if mine[2] > 1 else left
    elif (mine and mine[1] == e.value) or (not mine and e.value not in others):
        yield state
