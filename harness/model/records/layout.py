"""Address layout of pkmap and of the fixmap windows, as read from a guest.

Sources: arch/x86/include/asm/fixmap.h, arch/x86/include/asm/pgtable_32_areas.h,
arch/x86/include/asm/highmem.h, mm/highmem.c (5.10 to 7.3).
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

PAGE_SHIFT = 12
PAGE_SIZE = 1 << PAGE_SHIFT
ADDRESS_MASK = 0xFFFF_FFFF
PAGE_MASK = ~(PAGE_SIZE - 1)

UNBOUND = 0xFF
"""In the place of a task's CPU: it may run on any."""

TYPED_FIRST = 0x8000
"""Index of the first entry of the module's typed window, beyond every fixmap index."""

PTE_PRESENT = 0x001
PTE_RW = 0x002
PTE_NX = 1 << 63
FRAME_MASK = 0x000F_FFFF_FFFF_F000
PTE_INCIDENTAL = 0xF60
"""Bits of a PTE that change neither what a load or store does nor whether it may: accessed and
dirty (hardware sets them), global (it matters to flushes), and the three that are software's."""


def same_translation(one: int, other: int) -> bool:
    """Tell whether two PTEs give the same page, with the same rights and the same memory type."""
    return not (one ^ other) & ~PTE_INCIDENTAL


class Generation(Enum):
    """How atomic and local mappings choose their slot."""

    TYPED = "typed"
    STACK = "stack"
    LOCAL = "local"


class Layout(NamedTuple):
    """The shape of a kernel's mapping machinery; every value is read from the guest.

    Addresses are 32-bit virtual addresses, ``*_prot`` are PTE flag bits (64 bits with
    PAE), counts are numbers of slots or CPUs.  ``prots`` are the flags of each ``Prot`` (empty:
    those of a CPU without PAT), ``pat`` whether the kernel uses PAT; ``to_page_local``:
    ``kmap_to_page`` knows kmap_local addresses and warns (6.1 on); ``kmap_atomic_prot``:
    it and ``kmap_atomic_pfn`` exist (not in the 5.10-rt patch); ``instructions``: the number in
    the function of each ``Trigger`` from MAP on, 0 where the kernel lacks it; ``folios``: there
    are folios, and ``kmap_local_folio`` (5.16 on); ``helpers``: a bit for the number of each page
    helper that the kernel has; ``helpers_local``: they map by ``kmap_local_page`` (5.18 on).
    ``windows`` are three indices where the windows do not lie one after the other: that of entry
    0 of CPU 0, and the steps to the next entry and to the next CPU.
    """

    generation: Generation
    pae: bool
    smp: bool
    rt: bool
    preempt_count: bool
    debug_highmem: bool
    debug_kmap_local: bool
    force_map: bool
    debug_atomic_sleep: bool
    pkmap_base: int
    last_pkmap: int
    fixaddr_top: int
    fix_kmap_begin: int
    fix_kmap_end: int
    window: int
    nr_cpus: int
    online_cpus: int
    page_offset: int
    high_memory: int
    fixaddr_start: int
    kmap_prot: int
    prots: tuple[int, ...] = ()
    pat: bool = False
    to_page_local: bool = True
    kmap_atomic_prot: bool = True
    typed_top: int = 0
    typed_count: int = 0
    instructions: tuple[int, ...] = ()
    folios: bool = False
    helpers: int = 0
    helpers_local: bool = False
    windows: tuple[int, ...] = ()

    def fixaddr(self, index: int) -> int:
        """Address of fixmap entry *index*; a bigger index is a lower address (``__fix_to_virt``).

        Indices from TYPED_FIRST are those of the module's typed window.
        """
        if index >= TYPED_FIRST:
            return (self.typed_top - ((index - TYPED_FIRST) << PAGE_SHIFT)) & ADDRESS_MASK
        return (self.fixaddr_top - (index << PAGE_SHIFT)) & ADDRESS_MASK

    def fixindex(self, address: int) -> int:
        """Fixmap index of *address* (``__virt_to_fix``), or its index in the typed window."""
        if self.in_typed(address):
            return TYPED_FIRST + ((self.typed_top - (address & ~(PAGE_SIZE - 1))) >> PAGE_SHIFT)
        return (self.fixaddr_top - (address & ~(PAGE_SIZE - 1))) >> PAGE_SHIFT

    def in_typed(self, address: int) -> bool:
        """Tell whether *address* lies in the module's typed window."""
        return 0 <= self.typed_top - (address & ~(PAGE_SIZE - 1)) < self.typed_count << PAGE_SHIFT

    def pkmap_address(self, slot: int) -> int:
        """Address of pkmap slot *slot* (``PKMAP_ADDR``)."""
        return (self.pkmap_base + (slot << PAGE_SHIFT)) & ADDRESS_MASK

    def pkmap_slot(self, address: int) -> int:
        """Slot of an address in the pkmap area (``PKMAP_NR``)."""
        return (address - self.pkmap_base) >> PAGE_SHIFT

    def in_pkmap(self, address: int) -> bool:
        """Tell whether *address* lies in the pkmap area."""
        return self.pkmap_base <= address < self.pkmap_base + (self.last_pkmap << PAGE_SHIFT)

    def window_index(self, cpu: int, slot: int) -> int:
        """Fixmap index of *slot* of the window of *cpu*."""
        if self.windows:
            first, entry, step = self.windows
            return first + entry * slot + step * cpu
        return self.fix_kmap_begin + slot + self.window * cpu

    def window_indices(self, cpu: int, slots: range) -> Sequence[int]:
        """Fixmap indices of *slots* of the window of *cpu*."""
        first = self.window_index(cpu, 0)
        if self.windows:
            return [first + self.windows[1] * slot for slot in slots]
        return range(first + slots.start, first + slots.stop, slots.step)

    def window_slot(self, cpu: int, index: int) -> int:
        """Slot that a fixmap index has in the window of *cpu*, below 0 where it has none.

        Slots beyond the window are those that a stack too deep spills into.
        """
        beyond = index - self.window_index(cpu, 0)
        if not self.windows:
            return beyond
        slot, beside = divmod(beyond, self.windows[1])
        return -1 if beside else slot

    def window_place(self, index: int) -> tuple[int, int] | None:
        """The CPU and the slot of a fixmap index; None beside the windows."""
        if not self.windows:
            cpu, slot = divmod(index - self.fix_kmap_begin, self.window)
            return (cpu, slot) if 0 <= cpu < self.nr_cpus else None
        for cpu in range(self.nr_cpus):
            slot = self.window_slot(cpu, index)
            if 0 <= slot < self.window:
                return cpu, slot
        return None
