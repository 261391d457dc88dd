"""The whole state of a guest at rest, before a program: what no correct kernel leaves there.

A program is judged from the state that it finds, so that what the boot or the program before it
has spoilt would go unnoticed.  These rules look at every slot, page and window entry at once.
"""

from collections.abc import Iterator

from harness.model.records.layout import FRAME_MASK, PAGE_SHIFT, Layout
from harness.model.records.observation import Snapshot
from harness.model.records.page import Page


def spoilt(
    layout: Layout, pages: tuple[Page, ...], start: Snapshot, *, counted: bool
) -> Iterator[str]:
    """Broken rules of *start*, each with its reason; *counted*: the counts are known."""
    yield from _shared_pages(start)
    if counted:
        yield from _users_without_page(start)
    yield from _wrong_addresses(layout, pages, start)


def _shared_pages(start: Snapshot) -> Iterator[str]:
    """A page has one address: page_address() has one answer, which kunmap() relies on."""
    first: dict[int, int] = {}
    for slot, pte in enumerate(start.ptes):
        if pte and first.setdefault(pte & FRAME_MASK, slot) != slot:
            other = first[pte & FRAME_MASK]
            yield f"two-slots: slots {other} and {slot} map the same page, at rest"


def _users_without_page(start: Snapshot) -> Iterator[str]:
    """A page with users keeps its address, and that address translates."""
    for slot, (count, pte) in enumerate(zip(start.counts, start.ptes, strict=True)):
        if count > 1 and not pte:
            yield f"no-pte: slot {slot} has users ({count}) and no PTE, at rest"


def _wrong_addresses(layout: Layout, pages: tuple[Page, ...], start: Snapshot) -> Iterator[str]:
    """The address of a page is one at which that page is mapped."""
    for page, address in zip(pages, start.page_addresses, strict=False):
        if not page.highmem or not address:
            continue
        mapped = start.ptes[layout.pkmap_slot(address)] if layout.in_pkmap(address) else 0
        if (mapped & FRAME_MASK) >> PAGE_SHIFT != page.pfn:
            yield f"page-address: a page has address {address:#x}, which maps another, at rest"


def left_over(layout: Layout, before: Snapshot, now: Snapshot) -> Iterator[str]:
    """What is used at two moments at which nobody maps: nobody will ever give it back.

    At one moment it may be the section of another user; that does not last so long.
    """
    depths = zip(before.cpu_depths, now.cpu_depths, strict=False)
    for cpu, (old, new) in enumerate(depths):
        if old > 0 and new > 0:
            yield f"left-over: CPU {cpu} has {new} mappings of nobody, at rest"
    for index, pte in sorted(set(before.windows) & set(now.windows)):
        if pte and layout.fix_kmap_begin <= index <= layout.fix_kmap_end:
            cpu = (index - layout.fix_kmap_begin) // layout.window
            yield f"left-over: CPU {cpu} maps {pte:#x} of nobody in entry {index}, at rest"
