"""The bytes that the processes of a workload write: each page follows from seed and version.

Source: ``fill()`` and ``mix()`` in images/agent/workload.c.
"""

from functools import lru_cache
from zlib import crc32

from harness.model.records.layout import PAGE_SIZE

WORD = 0xFFFF_FFFF
_WORDS = PAGE_SIZE // 4
_RAMP = sum((number * 0x9E37_79B1 & WORD) << 32 * number for number in range(_WORDS))
_EACH = sum(1 << 32 * number for number in range(_WORDS))
ZEROS = bytes(PAGE_SIZE)


def mix(seed: int, first: int, second: int) -> int:
    """A word that follows from three."""
    word = (seed * 0x9E37_79B1 ^ first * 0x85EB_CA77 ^ second * 0xC2B2_AE3D) & WORD
    word ^= word >> 15
    word = word * 0x2C1B_3C6D & WORD
    return word ^ word >> 13


@lru_cache(maxsize=1024)
def page_bytes(seed: int, number: int, version: int) -> bytes:
    """The contents of page *number* of an area in one of its versions."""
    return (_RAMP ^ _EACH * mix(seed, number, version)).to_bytes(PAGE_SIZE, "little")


class WorkloadArea:
    """The pages of an area as a process of a workload sees them."""

    def __init__(self, seed: int, count: int) -> None:
        self._seed = seed
        self._pages: list[bytes] = [ZEROS] * count

    def copy(self) -> "WorkloadArea":
        """The area of a child, which the parent no longer changes."""
        child = WorkloadArea(self._seed, 0)
        child._pages = list(self._pages)
        return child

    def fill(self, version: int) -> "WorkloadArea":
        """Write all pages."""
        self._pages = [self._page(number, version) for number in range(len(self._pages))]
        return self

    def fill_half(self, version: int) -> "WorkloadArea":
        """Write the pages that *version* chooses."""
        for number in range(len(self._pages)):
            if mix(self._seed, number, version + 1000) & 1:
                self._pages[number] = self._page(number, version)
        return self

    def zero(self, number: int) -> None:
        """Empty one page."""
        self._pages[number] = ZEROS

    def cut(self, length: int) -> None:
        """Everything from *length* on is zero."""
        kept = b"".join(self._pages)[:length].ljust(len(self._pages) * PAGE_SIZE, b"\0")
        self._pages = [kept[at : at + PAGE_SIZE] for at in range(0, len(kept), PAGE_SIZE)]

    def crc(self, *without: int) -> int:
        """The CRC of all pages but *without*."""
        crc = 0
        for number, page in enumerate(self._pages):
            if number not in without:
                crc = crc32(page, crc)
        return crc

    def _page(self, number: int, version: int) -> bytes:
        return page_bytes(self._seed, number, version)
