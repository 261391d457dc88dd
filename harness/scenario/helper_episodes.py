"""Calls of page helpers in generated programs: random ones that keep the helpers' rules."""

from typing import Final

from harness.model.records.helper import (
    HELPERS,
    HelperCall,
    HelperFlag,
    HelperKind,
    helper_operation,
)
from harness.model.records.layout import PAGE_SIZE
from harness.model.records.page import FOLIO_PAGES, PageKind
from harness.scenario.ledger import Ledger

MAPPED_MOST: Final = 2
"""Pages that a helper has mapped at a time."""

_EDGES: Final = (0, 1, 4, PAGE_SIZE - 4, PAGE_SIZE - 1, PAGE_SIZE, PAGE_SIZE + 1)
"""Offsets at which a helper goes wrong, if it does."""

_LOWMEM: Final = 0.15
"""How often a page that may be any is one of lowmem, which a helper does not map."""


def helper(ledger: Ledger, task: int, helpers: int) -> None:
    """One call of one of the *helpers* (``Layout.helpers``)."""
    known = [kind for number, kind in HELPERS.items() if helpers >> number & 1]
    kind = ledger.rng.choice(known)
    call = _ranges(ledger, kind, *_pages(ledger, kind))
    ledger.operations.append(helper_operation(call, task))


def _pages(ledger: Ledger, kind: HelperKind) -> tuple[int, int]:
    """The page that it writes, and the one that it copies from."""
    page = _page(ledger, kind, HelperFlag.INTO_BUFFER)
    other = page
    while _first(ledger, other) == _first(ledger, page):
        other = _page(ledger, kind, HelperFlag.FROM_BUFFER)
    return page, other


def _page(ledger: Ledger, kind: HelperKind, buffer: HelperFlag) -> int:
    rng = ledger.rng
    if buffer in kind.flags or rng.random() < _LOWMEM:
        return rng.choice(ledger.low)
    if HelperFlag.FOLIO in kind.flags and ledger.folios:
        return rng.choice(ledger.folios)
    return rng.choice(ledger.high)


def _first(ledger: Ledger, page: int) -> int:
    """The first page of the folio of *page*."""
    if ledger.kinds[page] is not PageKind.FOLIO:
        return page
    return page - (page - ledger.folios[0]) % FOLIO_PAGES


def _size(ledger: Ledger, kind: HelperKind, page: int) -> int:
    whole = HelperFlag.FOLIO in kind.flags and ledger.kinds[page] is PageKind.FOLIO
    return PAGE_SIZE * (FOLIO_PAGES if whole else 1)


def _offset(ledger: Ledger, most: int) -> int:
    rng = ledger.rng
    edges = [edge for edge in _EDGES if edge <= most]
    return rng.choice(edges) if rng.random() < 0.5 else rng.randint(0, most)


def _ranges(ledger: Ledger, kind: HelperKind, page: int, other: int) -> HelperCall:
    """The call of *kind* with these pages and with numbers that it takes."""
    flags, size = kind.flags, _size(ledger, kind, page)
    byte = ledger.rng.randrange(256) if "memset" in kind.word else 0
    call = HelperCall(kind.number, page, other, 0, 0, 0, byte)
    if HelperFlag.RANGE not in flags:
        return call if HelperFlag.COPIES in flags else call._replace(other=0)
    first = _offset(ledger, size - 1)
    if HelperFlag.SEGMENT in flags:
        end, second = _offset(ledger, size), _offset(ledger, size)
        last = _offset(ledger, size) if HelperFlag.SEGMENTS in flags else 0
        return call._replace(first=first, length=end, second=second, other=last)
    if HelperFlag.COPIES not in flags:
        length = 0 if HelperFlag.TAIL in flags else _offset(ledger, size - first)
        return call._replace(other=0, first=first, length=length)
    there = _size(ledger, kind, other)
    second = _offset(ledger, there - 1)
    length = _offset(ledger, min(size - first, there - second))
    if HelperFlag.TAIL in flags and not (first + length) % PAGE_SIZE:
        first, length = first | 1, 0
    return call._replace(first=first, second=second, length=length)
