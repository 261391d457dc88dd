"""The machine a model runs on: the layout read from a guest, its pages and its tasks."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from harness.model.records import vector
from harness.model.records.layout import (
    ADDRESS_MASK,
    FRAME_MASK,
    PAGE_MASK,
    PAGE_SHIFT,
    PAGE_SIZE,
    PTE_NX,
    PTE_RW,
    TYPED_FIRST,
    Generation,
    Layout,
)
from harness.model.records.operation import (
    ATOMIC_MAPS,
    ONLY_LOCAL,
    PFN_MAPS,
    WITH_PROT,
    Base,
    OpCode,
    Operation,
    Prot,
)
from harness.model.records.page import FOLIO_PAGES, Page, PageKind
from harness.model.records.vector import Vector

REGISTERS = 4096

PTE_PWT = 0x008
PTE_PCD = 0x010
PTE_CACHE = PTE_PWT | PTE_PCD | 0x080
"""The bits that choose a cache mode; 0x080 is PAT in a 4 KiB PTE."""

_REG, _FIXMAP, _PKMAP, _DIRECT = Base.REG, Base.FIXMAP, Base.PKMAP, Base.DIRECT

NEIGHBOURS = 4
HELD = 64
SLEEP_MAX = 1_000_000


def protections(kmap_prot: int) -> tuple[int, ...]:
    """PTE flags of each ``Prot`` on a CPU whose PAT is not used, from those of PAGE_KERNEL.

    Source: arch/x86/include/asm/pgtable_types.h, arch/x86/mm/init.c
    (``__cachemode2pte_tbl``) (5.10, 6.1).  PAGE_KERNEL_NOCACHE is strong UC, PCD and PWT.
    Write combining falls back to UC-, PCD.  A guest reports its own (``Layout.prots``).
    """
    return (
        kmap_prot,
        kmap_prot & ~PTE_RW,
        kmap_prot | PTE_PCD | PTE_PWT,
        kmap_prot | PTE_PCD,
        kmap_prot & ~PTE_NX,
    )


def iomap_protection(prot: int, kernel: int, *, pat: bool) -> int:
    """The protection that iomap functions make of *prot*: without PAT all but write-back is UC-.

    Source: ``__iomap_local_pfn_prot`` (6.1) and ``iomap_atomic_prot_pfn`` (5.10) in
    arch/x86/mm/iomap_32.c; the rest of such a protection is that of PAGE_KERNEL (*kernel*).
    """
    return prot if pat or not prot & PTE_CACHE else kernel | PTE_PCD


def missing_operations(layout: Layout) -> frozenset[OpCode]:
    """Operations that the kernel of *layout* does not have.

    ``kmap_atomic_prot`` and ``kmap_atomic_pfn`` came to the local generation with 5.11;
    the 5.10-rt patch, which is of that generation, lacks both.
    """
    missing = frozenset() if layout.generation is Generation.LOCAL else ONLY_LOCAL
    if not layout.kmap_atomic_prot:
        missing |= ATOMIC_MAPS & (WITH_PROT | PFN_MAPS)
    if not layout.folios:
        missing |= {OpCode.KMAP_LOCAL_FOLIO}
    return missing if layout.helpers else missing | {OpCode.HELPER}


def _watched(lay: Layout) -> frozenset[int]:
    """Fixmap entries that the module compares: the windows of the CPUs in use and one more.

    The module compares all entries of a kernel whose windows do not lie in a row.
    """
    last = lay.fix_kmap_begin + lay.window * (lay.online_cpus + 1) - 1
    if lay.windows:
        last = lay.fix_kmap_end + NEIGHBOURS
    fixmap = range(lay.fix_kmap_begin - NEIGHBOURS, min(last, lay.fix_kmap_end + NEIGHBOURS) + 1)
    return frozenset((*fixmap, *range(TYPED_FIRST, TYPED_FIRST + lay.typed_count)))


@dataclass(frozen=True, slots=True)
class Machine:
    """Everything that does not change while a program runs.

    ``tasks`` gives each task's CPU, or ``UNBOUND``.  ``prots`` are the PTE flags of each
    ``Prot``, ``iomap_prots`` those that the iomap functions make of it.  ``to_page_local``:
    ``kmap_to_page`` knows kmap_local addresses and warns (6.1 on).  ``missing``: operations
    this kernel lacks.  ``flatmem``: struct page pointers are one array, so that a wrong
    ``virt_to_page`` has a predictable pfn.  ``watched`` are the fixmap entries whose changes
    the module reports.
    """

    layout: Layout
    pages: tuple[Page, ...]
    tasks: tuple[int, ...]
    prots: tuple[int, ...]
    iomap_prots: tuple[int, ...]
    to_page_local: bool = True
    missing: frozenset[OpCode] = frozenset()
    flatmem: bool = True
    ptes: tuple[int, ...] = field(init=False, repr=False)
    direct: tuple[int, ...] = field(init=False, repr=False)
    ids: dict[int, int] = field(init=False, repr=False, compare=False)
    local: bool = field(init=False, repr=False)
    increment: int = field(init=False, repr=False)
    window_low: int = field(init=False, repr=False)
    window_high: int = field(init=False, repr=False)
    watched: frozenset[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Fill what steps look up: PTEs and direct addresses by page id, page ids by pfn."""
        lay = self.layout
        derived: dict[str, object] = {
            "ptes": tuple((page.pfn << PAGE_SHIFT) | lay.kmap_prot for page in self.pages),
            "direct": tuple(
                0 if page.highmem else self.direct_address(page.pfn) for page in self.pages
            ),
            "ids": {page.pfn: number for number, page in enumerate(self.pages)},
            "local": lay.generation is Generation.LOCAL,
            "increment": 2 if lay.debug_kmap_local else 1,
            "window_low": lay.fixaddr(lay.fix_kmap_end),
            "window_high": lay.fixaddr(lay.fix_kmap_begin),
            "watched": _watched(lay),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def direct_address(self, pfn: int) -> int:
        """Direct map address of *pfn* (``__va``)."""
        return (self.layout.page_offset + (pfn << PAGE_SHIFT)) & ADDRESS_MASK

    def lacks(self, op: Operation) -> bool:
        """Tell whether this kernel does not have *op*, or the helper that it calls."""
        if op.code in self.missing:
            return True
        return op.code == OpCode.HELPER and not self.layout.helpers >> (op.value >> 24) & 1

    def folio(self, page: int) -> range:
        """Ids of the pages of the folio of *page*; most pages are a folio of their own."""
        if self.pages[page].kind is not PageKind.FOLIO:
            return range(page, page + 1)
        head = page - self.pages[page].pfn % FOLIO_PAGES
        return range(head, head + FOLIO_PAGES)

    def mapped_page(self, op: Operation) -> int:
        """Id of the page that *op* maps."""
        if op.code != OpCode.KMAP_LOCAL_FOLIO:
            return op.page
        return self.folio(op.page)[0] + (op.value >> PAGE_SHIFT)

    def in_page(self, op: Operation) -> int:
        """How far into its page the address that *op* maps at must point."""
        return op.value % PAGE_SIZE if op.code == OpCode.KMAP_LOCAL_FOLIO else 0

    def direct_of(self, op: Operation) -> int:
        """The address that *op* must return for a lowmem page."""
        return self.direct[self.mapped_page(op)] + self.in_page(op)

    def pte(self, page: int, prot: Prot) -> int:
        """PTE that maps page id *page* with *prot* (``pfn_pte``)."""
        return (self.pages[page].pfn << PAGE_SHIFT) | self.prots[prot]

    def window_pte(self, op: Operation) -> int:
        """PTE that the mapping operation *op* makes in a window; only some take a protection."""
        if op.code not in WITH_PROT:
            return self.pte(self.mapped_page(op), Prot.KERNEL)
        if op.code == OpCode.IOMAP:
            return (self.pages[op.page].pfn << PAGE_SHIFT) | self.iomap_prots[op.prot]
        return self.pte(op.page, op.prot)

    def operand_address(self, op: Operation, registers: Vector[int]) -> int:
        """The address operand of *op*: (base, reg or page, offset), ``enum kmh_base``.

        Raises IndexError for a register or a page that is not there.
        """
        base = op.base
        if base == _REG:
            start = vector.get(registers, op.reg)
        elif base == _DIRECT:
            start = self.direct[op.page]
        elif base == _FIXMAP:
            start = self.layout.fixaddr(op.reg)
        else:
            start = self.layout.pkmap_address(op.reg) if base == _PKMAP else 0
        return (start + op.offset) & ADDRESS_MASK

    def page_of(self, pte: int) -> int | None:
        """Id of the page that *pte* maps, if it is one of ours."""
        return self.ids.get((pte & FRAME_MASK) >> PAGE_SHIFT)

    def in_window(self, address: int) -> bool:
        """Tell whether unmap functions take *address* for one of a window, both ends included."""
        return self.window_low <= address & PAGE_MASK <= self.window_high

    def window_owner(self, index: int) -> int:
        """CPU whose window holds fixmap entry *index*, or is nearest to it."""
        if self.layout.windows:
            place = self.layout.window_place(index)
            return place[0] if place else 0
        cpu = (index - self.layout.fix_kmap_begin) // self.layout.window
        return min(max(cpu, 0), self.layout.nr_cpus - 1)

    def misused(self, *stale: Mapping[tuple[int, int], object]) -> bool:
        """Tell whether *stale* has an entry's old translation for the CPU that maps there.

        A CPU that has looked into another one's window may hold more, and no kernel flushes them.
        """
        layout = self.layout
        return any(
            cpu < 0
            or (
                not layout.in_typed(address) and cpu == self.window_owner(layout.fixindex(address))
            )
            for held in stale
            for cpu, address in held
        )

    def with_layout(self, layout: Layout) -> "Machine":
        """A machine of the same kernel, laid out otherwise."""
        return replace(self, layout=layout)

    def with_tasks(self, tasks: tuple[int, ...]) -> "Machine":
        """The same machine with other tasks."""
        return replace(self, tasks=tasks)

    def with_pages(self, pages: tuple[Page, ...]) -> "Machine":
        """The same machine with other pages."""
        return replace(self, pages=pages)


def machine(layout: Layout, pages: tuple[Page, ...], tasks: tuple[int, ...]) -> Machine:
    """The machine of a guest with *layout*, its *pages* and the CPU of each task."""
    prots = layout.prots or protections(layout.kmap_prot)
    prots = (*prots, prots[Prot.WC])
    return Machine(
        layout=layout,
        pages=pages,
        tasks=tasks,
        prots=prots,
        iomap_prots=tuple(
            iomap_protection(prot, prots[Prot.KERNEL], pat=layout.pat) for prot in prots
        ),
        to_page_local=layout.generation is Generation.LOCAL and layout.to_page_local,
        missing=missing_operations(layout),
    )
