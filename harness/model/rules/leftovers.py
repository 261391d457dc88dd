"""Translations that a CPU may still hold although the page table has others (kmod/stale.c).

Where the rules are kept there are none: an entry is flushed after it was cleared and before it
maps another page.  This module follows a step's own flushes, so that rules that omit one are seen.
"""

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
    changes = _changes(d)
    return _left(d, changes) if changes or before.unflushed else NONE


def _left(d: Draft, changes: list[tuple[int, int, int]]) -> Leftovers:
    unflushed, reused = set(d.before.unflushed) - set(d.flushed), []
    for address, old, now in changes:
        if now and (old or address in unflushed) and address not in d.flushed:
            reused.append(address)
        if now:
            unflushed.discard(address)
        elif address not in d.flushed:
            unflushed.add(address)
    left = [address for address in unflushed if d.machine.layout.in_pkmap(address)]
    first = min(reused or left, default=0)
    return Leftovers(first, len(reused), len(left), frozenset(unflushed))


def _changes(d: Draft) -> list[tuple[int, int, int]]:
    """Address, old and new PTE of every entry that has another PTE than before the step.

    An entry that was empty counts only where an address waits for its flush.  This runs in every
    step, so nothing is built for what does not count.
    """
    before, after = d.before, d.state
    waits = bool(before.unflushed)
    changes = []
    for slot in set(d.touched_slots):
        old, now = vector.get(before.slots, slot).pte, vector.get(after.slots, slot).pte
        if old != now and (old or waits):
            changes.append((d.machine.layout.pkmap_address(slot), old, now))
    for index in set(d.touched_windows):
        old, now = before.windows.get(index, 0), after.windows.get(index, 0)
        if old != now and (old or waits) and index < TYPED_FIRST:
            address = d.machine.layout.fixaddr(index)
            if waits or address not in d.flushed:
                changes.append((address, old, now))
    return changes
