"""The whole state of a guest at rest, before a program: what no correct kernel leaves there.

A program is judged from the state that it finds, so that what the boot or the program before it
has spoilt would go unnoticed.  These rules look at every slot, page and window entry at once.
"""

from collections.abc import Iterator, Mapping

from harness.model.records.layout import FRAME_MASK, PAGE_SHIFT, Layout
from harness.model.records.observation import Snapshot
from harness.model.records.page import Page


def spoilt(layout: Layout, pages: tuple[Page, ...], start: Snapshot) -> Iterator[str]:
    """Broken rules of *start*, each with its reason; its counts must tell which slots have users.

    A page without users may have several slots, and an address that is out of date: a kernel may
    clean up behind it whenever it likes.
    """
    used = {slot: start.ptes[slot] for slot, count in enumerate(start.counts) if count > 1}
    yield from _shared_pages(used)
    yield from _users_without_page(used, start)
    yield from _wrong_addresses(layout, pages, used, start)


def _shared_pages(used: Mapping[int, int]) -> Iterator[str]:
    """A page in use has one address: page_address() has one answer, which kunmap() relies on."""
    first: dict[int, int] = {}
    for slot, pte in used.items():
        if pte and first.setdefault(pte & FRAME_MASK, slot) != slot:
            other = first[pte & FRAME_MASK]
            yield f"two-slots: slots {other} and {slot} map the same page for users, at rest"


def _users_without_page(used: Mapping[int, int], start: Snapshot) -> Iterator[str]:
    """A page with users keeps its address, and that address translates."""
    for slot, pte in used.items():
        if not pte:
            count = start.counts[slot]
            yield f"no-pte: slot {slot} has users ({count}) and no PTE, at rest"


def _wrong_addresses(
    layout: Layout, pages: tuple[Page, ...], used: Mapping[int, int], start: Snapshot
) -> Iterator[str]:
    """The address of a page in use is the one at which its users have it."""
    slots = {(pte & FRAME_MASK) >> PAGE_SHIFT: slot for slot, pte in used.items() if pte}
    for page, address in zip(pages, start.page_addresses, strict=False):
        slot = slots.get(page.pfn)
        if slot is not None and page.highmem and address != layout.pkmap_address(slot):
            yield (
                f"page-address: a page in use at {layout.pkmap_address(slot):#x} has address"
                f" {address:#x}, at rest"
            )


def left_over(layout: Layout, before: Snapshot, now: Snapshot) -> Iterator[str]:
    """Entries in use at two moments at which nobody maps: nobody will ever give them back.

    At one moment it may be the section of another user; that does not last so long.
    """
    depths = zip(before.cpu_depths, now.cpu_depths, strict=False)
    for cpu, (old, new) in enumerate(depths):
        if old > 0 and new > 0:
            yield f"left-over: CPU {cpu} has {new} mappings of nobody, at rest"
    for index, pte in sorted(set(before.windows) & set(now.windows)):
        if pte and layout.fix_kmap_begin <= index <= layout.fix_kmap_end:
            cpu, _ = layout.window_place(index) or (0, 0)
            yield f"left-over: CPU {cpu} maps {pte:#x} of nobody in entry {index}, at rest"
