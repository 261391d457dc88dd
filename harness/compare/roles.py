"""Names for addresses, frames and protections that are the same in every kernel and guest.

Two kernels place pkmap, windows and direct map elsewhere, give their pages other frames, and have
other bits in a PTE for the same protection.  What can be compared is the role: the slot, the entry
of a window, the page's number, the protection's name.
"""

from typing import Final

from harness.model.records.layout import (
    ADDRESS_MASK,
    FRAME_MASK,
    PAGE_SHIFT,
    PAGE_SIZE,
    TYPED_FIRST,
    Layout,
)
from harness.model.records.machine import protections
from harness.model.records.observation import Observation
from harness.model.records.operation import (
    OPERATIONS,
    Base,
    OpCode,
    Operation,
    OperationFlag,
    Prot,
)
from harness.model.records.page import Page

Role = int | str | tuple["Role", ...]
"""A number that means the same in every kernel, the name of a role, or several of them."""

_NOTHING: Final = 0
_FOREIGN: Final = "another page"
_OFFSET: Final = PAGE_SIZE - 1
_ADDRESSES: Final = ("page_address", "invlpg_address", "stale_address")


class RoleNames:
    """Names of one program in one guest: its *pages*, on its *layout*.

    Slots count from *cursor*, where the cursor stood when the program began.
    """

    def __init__(self, layout: Layout, pages: tuple[Page, ...], cursor: int = 0) -> None:
        self._layout = layout
        self._cursor = cursor
        self._ids = {page.pfn: number for number, page in enumerate(pages)}
        prots = layout.prots or protections(layout.kmap_prot)
        self._prots = {bits: Prot(n).name.lower() for n, bits in reversed(list(enumerate(prots)))}

    def frame(self, pfn: int) -> Role:
        """The page whose frame is *pfn*."""
        page = self._ids.get(pfn)
        return _FOREIGN if page is None else f"page {page}"

    def pte(self, pte: int) -> Role:
        """The page and the protection of *pte*; of another's page the page alone."""
        if not pte:
            return _NOTHING
        page, bits = self.frame((pte & FRAME_MASK) >> PAGE_SHIFT), pte & ~FRAME_MASK
        if page == _FOREIGN:
            return page
        name = self._prots.get(bits)
        return f"{page} {name or f'kernel^{bits ^ self._layout.kmap_prot:#x}'}"

    def slot(self, slot: int) -> int:
        """How many slots *slot* lies behind the cursor of the start."""
        return (slot - self._cursor) % max(self._layout.last_pkmap, 1)

    def address(self, address: int) -> Role:
        """The slot, entry or page at *address*, and the offset in it."""
        layout, offset = self._layout, address & _OFFSET
        if not address:
            return _NOTHING
        if layout.in_pkmap(address):
            return f"slot {self.slot(layout.pkmap_slot(address))}+{offset:#x}"
        if layout.page_offset <= address < layout.high_memory:
            return f"{self.frame((address - layout.page_offset) >> PAGE_SHIFT)}+{offset:#x}"
        if address < layout.page_offset:
            return f"{address:#x}"
        return f"{self.entry(layout.fixindex(address))}+{offset:#x}"

    def entry(self, index: int) -> Role:
        """The entry *index* of the fixmap: its CPU and its place in the window, or beside it."""
        layout = self._layout
        if index >= TYPED_FIRST:
            return f"typed {index - TYPED_FIRST}"
        if place := layout.window_place(index):
            return f"window {place[0]}.{place[1]}"
        beside = index - layout.fix_kmap_begin
        return f"fixmap {beside if beside < 0 else index - layout.fix_kmap_end:+}"

    def operation(self, op: Operation) -> Role:
        """*op*, in which numbers that depend on the layout are roles."""
        if OperationFlag.HAS_ADDRESS not in OPERATIONS[op.code].flags:
            return op
        if op.base is Base.FIXMAP:
            return (*op[:3], self.entry(op.reg), *op[4:])
        if op.base is Base.ABSOLUTE:
            return (*op[:6], self.address(op.offset & ADDRESS_MASK), op.value)
        return op

    def observation(self, op: Operation, seen: Observation) -> tuple[Role, ...]:
        """The observation of *op*, field by field."""
        named = seen._asdict()
        named.update(
            value=self._value(op.code, seen.value),
            pte=self.pte(seen.pte),
            cursor=self.slot(seen.cursor),
            **{name: self.address(named[name]) for name in _ADDRESSES},
            **self._changes(seen),
        )
        return tuple(named.values())

    def _changes(self, seen: Observation) -> dict[str, Role]:
        """The lists of an observation."""
        pte, address = self.pte, self.address
        slots = sorted((self.slot(one.slot), one) for one in seen.slots)
        return {
            "slots": tuple((n, one.count, pte(one.pte), address(one.address)) for n, one in slots),
            "windows": tuple((self.entry(one.index), pte(one.pte)) for one in seen.windows),
            "saved": tuple((one.entry, pte(one.pte)) for one in seen.saved),
            "done": tuple((task, address(got), address(at)) for task, got, at in seen.done),
            "interrupts": tuple(
                (one.flags, one.depth, address(one.address), pte(one.pte), one.value)
                for one in seen.interrupts
            ),
        }

    def _value(self, code: OpCode, value: int) -> Role:
        """The result of an operation: a frame, an address, or a number."""
        if code is OpCode.KMAP_TO_PAGE:
            return self.frame(value)
        returns = OperationFlag.RETURNS_ADDRESS in OPERATIONS[code].flags
        return self.address(value) if returns else value
