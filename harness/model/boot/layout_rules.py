"""The rules of a kernel's layout of addresses, for each CPU that it could have, each with its
reason.

Areas are places in one range of addresses: nothing but their bounds keeps their users apart.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from harness.model.boot.address_area import WHOLE, AddressArea
from harness.model.records.layout import PAGE_SIZE

_TOLD_MOST: Final = 4
"""Of one mistake that each CPU shows, so many are told."""


class MappedLayout(NamedTuple):
    """The areas, and the ranges of addresses above the direct map that are mapped.

    The ranges are read from the page tables from outside; those within vmalloc are left out.
    """

    areas: tuple[AddressArea, ...]
    mapped: tuple[tuple[int, int], ...] = ()


def _wholes(layout: MappedLayout) -> Sequence[AddressArea]:
    return [one for one in layout.areas if one.kind not in WHOLE]


def _parts(layout: MappedLayout) -> Sequence[AddressArea]:
    return [one for one in layout.areas if one.kind in WHOLE]


def _overlapping(areas: Sequence[AddressArea]) -> Iterator[str]:
    """Neighbours that overlap; an area that is empty, or ends before it begins, is no area."""
    for one in areas:
        if one.start >= one.end or one.start % PAGE_SIZE or one.end % PAGE_SIZE:
            yield f"areas: {one.words} is no area of whole pages"
    for lower, upper in pairwise(sorted(areas, key=lambda one: (one.start, one.end))):
        if lower.overlaps(upper):
            yield f"areas: {lower.words} overlaps {upper.words}"


def areas_apart(layout: MappedLayout) -> Iterator[str]:
    """No address belongs to two areas.

    Any correct kernel, because the users of one area do not ask those of another.
    """
    yield from _overlapping(_wholes(layout))


def parts_apart(layout: MappedLayout) -> Iterator[str]:
    """The part of each CPU lies in its area, and apart from those of all other CPUs.

    Any correct kernel, because CPUs use their parts without asking each other.
    """
    found: list[str] = []
    for kind, whole in WHOLE.items():
        parts = [one for one in _parts(layout) if one.kind is kind]
        found += _overlapping(parts)
        holders = [one for one in layout.areas if one.kind is whole]
        found += (
            f"areas: {one.words} is not within {holder.words}"
            for holder in holders
            for one in parts
            if not holder.holds(one)
        )
    yield from found[:_TOLD_MOST]


def mapped_in_areas(layout: MappedLayout) -> Iterator[str]:
    """Everything that is mapped lies in an area.

    Any correct kernel, because a page that is mapped elsewhere lies where an access beyond the
    end of an area should fault, and nobody ever unmaps it.
    """
    areas = _wholes(layout)
    strays = [
        (start, end)
        for start, end in layout.mapped
        if not any(one.start <= start and end <= one.end for one in areas)
    ]
    for start, end in strays[:_TOLD_MOST]:
        yield f"mapped: {start:#x} to {end:#x} is mapped, and belongs to no area"


RULES = (areas_apart, parts_apart, mapped_in_areas)
"""In the order in which one mistake leads to the next."""
