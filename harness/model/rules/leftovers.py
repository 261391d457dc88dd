"""Translations that a CPU may still hold although the page table has others (kmod/stale.c).

Where the rules are kept there are none: an entry is flushed after it was cleared and before it
maps another page.  This module follows a step's own flushes, so that rules that omit one are seen.
"""

from collections.abc import Iterator

from harness.model.records import vector
from harness.model.records.layout import TYPED_FIRST
from harness.model.records.observation import UNCLAIMED
from harness.model.rules.draft import Draft, Leftovers

_NOBODY = frozenset[int]()


NONE = Leftovers(0, 0, 0, _NOBODY)


def leftovers(d: Draft) -> Leftovers:
    """The rest of a step's old translations; not claimed after misuse, which leaves some."""
    before, after = d.before, d.state
    if before.tampered or after.tampered or d.machine.misused(before.stale, after.stale):
        return Leftovers(UNCLAIMED, UNCLAIMED, UNCLAIMED, before.unflushed)
    if not (d.touched_slots or d.touched_windows or before.unflushed):
        return NONE
    if d.flush_ranges and not d.flush_dirty:
        return NONE
    unflushed, reused = set(before.unflushed) - set(d.flushed), []
    for address, old, now in _changes(d):
        if now and (old or address in unflushed) and address not in d.flushed:
            reused.append(address)
        if now:
            unflushed.discard(address)
        elif address not in d.flushed:
            unflushed.add(address)
    left = [address for address in unflushed if d.machine.layout.in_pkmap(address)]
    first = min(reused or left, default=0)
    return Leftovers(first, len(reused), len(left), frozenset(unflushed))


def _changes(d: Draft) -> Iterator[tuple[int, int, int]]:
    """Address, old and new PTE of every entry that has another PTE than before the step."""
    layout, before, after = d.machine.layout, d.before, d.state
    for slot in set(d.touched_slots):
        old, now = vector.get(before.slots, slot).pte, vector.get(after.slots, slot).pte
        if old != now:
            yield layout.pkmap_address(slot), old, now
    for index in set(d.touched_windows):
        old, now = before.windows.get(index, 0), after.windows.get(index, 0)
        if old != now and index < TYPED_FIRST:
            yield layout.fixaddr(index), old, now
