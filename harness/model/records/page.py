"""Pages that operations name by id: ids count from 0 in the order of allocation."""

from enum import IntEnum
from typing import Final, NamedTuple

FOLIO_PAGES: Final = 4
"""Pages of a folio of the pools (``KMH_FOLIO_ORDER``)."""


class PageKind(IntEnum):
    """The kind of memory that a page comes from (``enum kmh_pool_kind``)."""

    HIGH = 1
    LOW = 2
    ABOVE_4G = 3
    COLLIDING = 4
    FOLIO = 5


class Page(NamedTuple):
    """One page of a pool; ``bucket`` is that of the page_address hash (255 for lowmem)."""

    pfn: int
    kind: PageKind
    bucket: int

    @property
    def highmem(self) -> bool:
        """Tell whether the page lies above the direct map."""
        return self.kind is not PageKind.LOW
