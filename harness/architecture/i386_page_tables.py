"""i386 page tables, two levels or three (PAE), walked in a stopped guest's memory.

Source: Intel SDM volume 3, 4.3 (32-bit paging) and 4.4 (PAE paging).
"""

from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple, Self

from harness.architecture.address_space import Memory
from harness.model.records.layout import FRAME_MASK, PTE_PRESENT

LARGE = 0x080
"""The bit of a directory entry that maps a large page itself (PS)."""
PTI_PAIR = 0x1000
"""The bit of CR3 that tells the user half of a PTI pair.

PTI_PGTABLE_SWITCH_BIT, arch/x86/include/asm/pgtable.h, 4.19 on.
"""
_PTE32 = Struct("<I")
_PTE64 = Struct("<Q")


class I386PageTables(NamedTuple):
    """One address space: the value of CR3, and whether CR4.PAE is set."""

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
        """Return the PDE of *virtual*, 0 where the level above has none."""
        if not self.pae:
            return memory.word((self.cr3 & ~0xFFF) + (virtual >> 22) * 4, _PTE32)
        pointer = memory.word((self.cr3 & ~0x1F) + (virtual >> 30) * 8, _PTE64)
        if not pointer & PTE_PRESENT:
            return 0
        return memory.word((pointer & FRAME_MASK) + (virtual >> 21 & 0x1FF) * 8, _PTE64)

    def has_table(self, memory: Memory, virtual: int) -> bool:
        """Tell whether a page of PTEs covers *virtual*."""
        directory = self.directory_entry(memory, virtual)
        return bool(directory & PTE_PRESENT) and not directory & LARGE

    def entries(self, memory: Memory, virtual: int, count: int) -> tuple[int, ...]:
        """Return the PTEs of *count* consecutive pages from *virtual* on; 0 where no table is."""
        found: list[int] = []
        while len(found) < count:
            at = virtual + (len(found) << 12)
            inside = min(count - len(found), (self.reach - at % self.reach) >> 12)
            found += self._table(memory, at, inside)
        return tuple(found)

    def _table(self, memory: Memory, virtual: int, count: int) -> Iterable[int]:
        directory = self.directory_entry(memory, virtual)
        if not directory & PTE_PRESENT or directory & LARGE:
            return [0] * count
        start = (directory & FRAME_MASK) + (virtual % self.reach >> 12) * self._entry.size
        data = memory.read(start, count * self._entry.size)
        return (value for (value,) in self._entry.iter_unpack(data))

    def translate(self, memory: Memory, virtual: int) -> int | None:
        """Return the physical address behind *virtual*, or None where nothing is mapped."""
        directory = self.directory_entry(memory, virtual)
        if directory & PTE_PRESENT and directory & LARGE:
            return (directory & FRAME_MASK & -self.reach) + virtual % self.reach
        (entry,) = self.entries(memory, virtual & ~0xFFF, 1)
        return (entry & FRAME_MASK) + (virtual & 0xFFF) if entry & PTE_PRESENT else None

    def read(self, memory: Memory, virtual: int, length: int) -> bytes:
        """Return *length* bytes of virtual memory; LookupError where a page is not mapped."""
        data = bytearray()
        while len(data) < length:
            at = virtual + len(data)
            physical = self.translate(memory, at)
            if physical is None:
                raise LookupError(f"nothing is mapped at {at:#x}")
            data += memory.read(physical, min(length - len(data), 0x1000 - at % 0x1000))
        return bytes(data)

    def isolated_half(self) -> Self:
        """Return the other half of a PTI pair: the kernel's for the user's, and the reverse."""
        return self._replace(cr3=self.cr3 ^ PTI_PAIR)
