"""The order of the windows' entries in the fixmap, learned from a kernel that has another one.

A mapping may lie anywhere in the kmap part of the fixmap, so long as every CPU has entries of its
own for every depth.  Kernels from 2.6.12 to 7.3 lay out one window after the other.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from harness.compare.divergence import Divergence, Layer
from harness.model.records.layout import Layout
from harness.model.records.observation import Status
from harness.model.records.operation import WINDOW_MAPS

ENTRIES_MOST = 1 << 12
"""Entries of all windows together that are compared."""


class PlacedMapping(NamedTuple):
    """A mapping that was seen: the CPU, its entry in the stack there, and its fixmap index."""

    cpu: int
    entry: int
    place: int


def placed_mappings(
    layout: Layout, divergences: Iterable[Divergence]
) -> tuple[PlacedMapping, ...]:
    """The mappings in the steps that broke a rule."""
    found = dict.fromkeys(
        PlacedMapping(seen.cpu, seen.depth - 1, layout.fixindex(seen.value))
        for one in divergences
        if one.layer is Layer.CONTRACT and (seen := one.seen) and seen.status is Status.OK
        if one.operation and one.operation.code in WINDOW_MAPS
        if layout.fix_kmap_begin <= layout.fixindex(seen.value) <= layout.fix_kmap_end
    )
    return tuple(found)


def learned_order(layout: Layout, seen: Sequence[PlacedMapping]) -> tuple[int, ...]:
    """Return ``Layout.windows`` of a kernel that has made these mappings; empty if none fits.

    An order gives every entry of every CPU a place of its own, and most of the mappings are where
    it says: the stack may be another one than was seen where an interrupt came in between.
    """
    orders = dict.fromkeys((*_orders(seen), *_likely(layout)))
    fitting = Counter({one: sum(_fits(one, each) for each in seen) for one in orders})
    for order, fit in fitting.most_common():
        if 2 * fit > len(seen) and order != _usual(layout) and _is_whole(layout, order):
            return order
    return ()


def _fits(order: tuple[int, ...], one: PlacedMapping) -> bool:
    first, entry, cpu = order
    return one.place == first + one.entry * entry + one.cpu * cpu


def _orders(seen: Sequence[PlacedMapping]) -> Iterable[tuple[int, int, int]]:
    """Yield the orders that three of the mappings allow."""
    for one, other in pairwise(sorted(seen)):
        if one.cpu != other.cpu or one.entry == other.entry:
            continue
        entry = (other.place - one.place) // (other.entry - one.entry)
        for third in seen:
            if entry and third.cpu != one.cpu:
                beside = third.place - one.place - entry * (third.entry - one.entry)
                cpu = beside // (third.cpu - one.cpu)
                yield one.place - entry * one.entry - cpu * one.cpu, entry, cpu


def _likely(layout: Layout) -> Iterable[tuple[int, int, int]]:
    """Yield orders that a few mappings are enough for: by depth, backwards, and both."""
    begin, end = layout.fix_kmap_begin, layout.fix_kmap_end
    yield begin, layout.nr_cpus, 1
    yield begin + layout.window - 1, -1, layout.window
    yield begin + (layout.nr_cpus - 1) * layout.window, 1, -layout.window
    yield end, -1, -layout.window
    yield end, -layout.nr_cpus, -1


def _usual(layout: Layout) -> tuple[int, int, int]:
    """One window after the other."""
    return layout.fix_kmap_begin, 1, layout.window


def _is_whole(usual: Layout, order: tuple[int, ...]) -> bool:
    """Tell whether all entries of all CPUs have places of their own in the kmap part."""
    layout = usual._replace(windows=order)
    count = layout.nr_cpus * layout.window
    if count > ENTRIES_MOST:
        return False
    places = {
        layout.window_index(cpu, entry)
        for cpu in range(layout.nr_cpus)
        for entry in range(layout.window)
    }
    inside = min(places) >= layout.fix_kmap_begin and max(places) <= layout.fix_kmap_end
    return inside and len(places) == count
