"""i386 page tables, two levels or three (PAE), walked in a stopped guest's memory.

Source: Intel SDM volume 3, 4.3 (32-bit paging) and 4.4 (PAE paging).
"""

from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple, Protocol

PRESENT = 0x001
LARGE = 0x080
FRAME = 0x000F_FFFF_FFFF_F000
_PTE32 = Struct("<I")
_PTE64 = Struct("<Q")


class Memory(Protocol):
    """Physical memory; both raise LookupError outside of RAM."""

    def read(self, address: int, length: int) -> bytes:
        """*length* bytes at a physical address."""

    def word(self, address: int, layout: Struct) -> int:
        """One number at a physical address."""


class PageTables(NamedTuple):
    """One address space: the value of CR3 and whether CR4.PAE is set."""

    cr3: int
    pae: bool

    @property
    def _entry(self) -> Struct:
        return _PTE64 if self.pae else _PTE32

    @property
    def reach(self) -> int:
        """Bytes of virtual memory that one page of PTEs covers."""
        return 0x20_0000 if self.pae else 0x40_0000

    def directory_entry(self, memory: Memory, virtual: int) -> int:
        """The PDE of *virtual*, 0 where the level above has none."""
        if not self.pae:
            return memory.word((self.cr3 & ~0xFFF) + (virtual >> 22) * 4, _PTE32)
        pointer = memory.word((self.cr3 & ~0x1F) + (virtual >> 30) * 8, _PTE64)
        if not pointer & PRESENT:
            return 0
        return memory.word((pointer & FRAME) + (virtual >> 21 & 0x1FF) * 8, _PTE64)

    def entries(self, memory: Memory, virtual: int, count: int) -> tuple[int, ...]:
        """The PTEs of *count* consecutive pages from *virtual* on; 0 where no page table is."""
        found: list[int] = []
        while len(found) < count:
            at = virtual + (len(found) << 12)
            inside = min(count - len(found), (self.reach - at % self.reach) >> 12)
            found += self._table(memory, at, inside)
        return tuple(found)

    def _table(self, memory: Memory, virtual: int, count: int) -> Iterable[int]:
        directory = self.directory_entry(memory, virtual)
        if not directory & PRESENT or directory & LARGE:
            return [0] * count
        start = (directory & FRAME) + (virtual % self.reach >> 12) * self._entry.size
        data = memory.read(start, count * self._entry.size)
        return (value for (value,) in self._entry.iter_unpack(data))

    def translate(self, memory: Memory, virtual: int) -> int | None:
        """The physical address behind *virtual*, or None where nothing is mapped."""
        directory = self.directory_entry(memory, virtual)
        if directory & PRESENT and directory & LARGE:
            return (directory & FRAME & -self.reach) + virtual % self.reach
        (entry,) = self.entries(memory, virtual & ~0xFFF, 1)
        return (entry & FRAME) + (virtual & 0xFFF) if entry & PRESENT else None

    def read(self, memory: Memory, virtual: int, length: int) -> bytes:
        """*length* bytes of virtual memory.  Raises LookupError where a page is not mapped."""
        data = bytearray()
        while len(data) < length:
            at = virtual + len(data)
            physical = self.translate(memory, at)
            if physical is None:
                raise LookupError(f"nothing is mapped at {at:#x}")
            data += memory.read(physical, min(length - len(data), 0x1000 - at % 0x1000))
        return bytes(data)
