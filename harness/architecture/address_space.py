"""The page tables and registers that the outside witness needs, whatever the processor."""

from struct import Struct
from typing import NamedTuple, Protocol


class Memory(Protocol):
    """Physical memory of a stopped guest; both methods raise LookupError outside of RAM."""

    def read(self, address: int, length: int) -> bytes:
        """Return *length* bytes at a physical address."""

    def word(self, address: int, layout: Struct) -> int:
        """Return one number at a physical address."""


class AddressSpace(Protocol):
    """One set of page tables, which can be walked in a stopped guest's memory.

    Every method raises LookupError where the tables lead outside of RAM.
    """

    def has_table(self, memory: Memory, virtual: int) -> bool:
        """Tell whether a table of page entries, and no large page, covers *virtual*."""

    def entries(self, memory: Memory, virtual: int, count: int) -> tuple[int, ...]:
        """Return the entries of *count* pages from *virtual* on; 0 where there is no table."""

    def translate(self, memory: Memory, virtual: int) -> int | None:
        """Return the physical address behind *virtual*, or None where nothing is mapped."""

    def read(self, memory: Memory, virtual: int, length: int) -> bytes:
        """Return *length* bytes of virtual memory; LookupError where a page is not mapped."""

    def isolated_half(self) -> "AddressSpace":
        """Return the other set of tables of a kernel that hides itself from its user mode."""


class CpuState(NamedTuple):
    """The values that the harness reads from the registers of one virtual CPU."""

    cpu: int
    instruction: int
    """Address of the next instruction."""
    interrupts: bool
    """True while the CPU takes interrupts."""
    halted: bool
    translating: bool
    """True while addresses go through page tables: firmware and set-up code run without them."""
    tables: AddressSpace
    """The page tables in use; meaningless unless the CPU translates."""
