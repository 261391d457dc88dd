"""The holdings of a generated program at each point: mapped pages, window stacks, registers."""

from collections import Counter
from random import Random
from typing import Final, NamedTuple

from harness.model.records.km_type import typed_entry
from harness.model.records.layout import TYPED_FIRST, Layout
from harness.model.records.operation import OPERATIONS, PFN_MAPS, Base, OpCode, Operation, Prot
from harness.model.records.page import PageKind
from harness.scenario.facts import usable_depth

WINDOW_REGISTERS: Final = 3072  # registers below hold pkmap addresses, by page
WINDOW_STRIDE: Final = 48  # more than any window has slots
TYPED_REGISTERS: Final = 3840  # by entry of the typed window, at most 32 for each of 8 CPUs

_OFFSETS: Final = (0, 4, 2048, 4092)
"""Few words are used again and again: a stale read differs only where something was written."""


class LiveWindow(NamedTuple):
    """A live window mapping: its register, what ends it, whether it has a slot, is writable."""

    register: int
    unmap: OpCode
    slot: bool
    writable: bool


def unmap_of(code: OpCode) -> OpCode:
    """The operation that ends a mapping made by *code*."""
    unmap = OPERATIONS[code].unmap
    assert unmap is not None, f"{code.name} maps nothing"
    return unmap


class Ledger:
    """Operations so far and what they hold; every method keeps the rules of program_rules.py."""

    def __init__(
        self, layout: Layout, cpus: tuple[int, ...], kinds: tuple[PageKind, ...], rng: Random
    ) -> None:
        self.layout = layout
        self.cpus = cpus
        self.rng = rng
        self.operations: list[Operation] = []
        self.depth = usable_depth(layout)
        self.low = tuple(page for page, kind in enumerate(kinds) if kind is PageKind.LOW)
        self.high = tuple(page for page, kind in enumerate(kinds) if kind is not PageKind.LOW)
        self.high_set = frozenset(self.high)
        self.folios = tuple(page for page, kind in enumerate(kinds) if kind is PageKind.FOLIO)
        self.kinds = kinds
        self.held: Counter[int] = Counter()
        self.stacks: list[list[LiveWindow]] = [[] for _ in cpus]
        self.typed: dict[tuple[int, int], int] = {}

    def __len__(self) -> int:
        return len(self.operations)

    def add(self, code: OpCode, task: int, **fields: int) -> None:
        """Append one operation."""
        self.operations.append(
            Operation(code, task=task, **fields)  # type: ignore[arg-type] # fields by name
        )

    def kmap(self, task: int, page: int) -> None:
        """Map *page* by kmap; its register is the number of the page."""
        self.add(OpCode.KMAP, task, page=page, reg=page)
        self.held[page] += 1

    def kunmap(self, task: int, page: int) -> None:
        """Release one user of *page*, by any task."""
        self.add(OpCode.KUNMAP, task, page=page)
        self.held[page] -= 1
        if not self.held[page]:
            del self.held[page]

    def unheld(self) -> int:
        """A highmem page without a kmap."""
        while True:
            page = self.rng.choice(self.high)
            if page not in self.held:
                return page

    @property
    def slots_held(self) -> int:
        """How many pkmap slots are in use by this program."""
        return len(self.held) - sum(page in self.held for page in self.low)

    def room(self, task: int) -> int:
        """How many more mappings fit in the window of *task*."""
        return self.depth - sum(1 for mapping in self.stacks[task] if mapping.slot)

    def push(self, task: int, code: OpCode, page: int, prot: Prot = Prot.KERNEL) -> None:
        """Map *page* in the window of *task*."""
        register = WINDOW_REGISTERS + task * WINDOW_STRIDE + len(self.stacks[task])
        self.add(code, task, page=page, reg=register, prot=prot)
        slot = code in PFN_MAPS or self.kinds[page] is not PageKind.LOW or self.layout.force_map
        writable = not slot or prot is not Prot.RO
        self.stacks[task].append(LiveWindow(register, unmap_of(code), slot, writable))

    def pop(self, task: int) -> None:
        """End the newest mapping of *task*, sometimes by an address within its page."""
        mapping = self.stacks[task].pop()
        offset = self.rng.randrange(4096) if self.rng.random() < 0.2 else 0
        self.add(mapping.unmap, task, reg=mapping.register, offset=offset)

    def typed_map(self, task: int, kind: int, page: int) -> None:
        """Map *page* in the typed window with *kind*, which must be free on the task's CPU."""
        cpu = self.cpus[task]
        entry = typed_entry(kind, cpu, self.layout.online_cpus) - TYPED_FIRST
        self.typed[cpu, kind] = TYPED_REGISTERS + entry
        self.add(OpCode.TYPED_MAP, task, page=page, reg=TYPED_REGISTERS + entry, value=kind)

    def typed_unmap(self, task: int, kind: int) -> None:
        """End the mapping of type *kind* of the task's CPU."""
        register = self.typed.pop((self.cpus[task], kind))
        self.add(OpCode.TYPED_UNMAP, task, reg=register, value=kind)

    def touch(self, task: int, register: int, *, writable: bool = True) -> None:
        """Read or write one word through *register*."""
        offset = (
            self.rng.choice(_OFFSETS) if self.rng.random() < 0.6 else 4 * self.rng.randrange(1024)
        )
        if writable and self.rng.random() < 0.5:
            self.add(
                OpCode.WRITE, task, reg=register, offset=offset, value=self.rng.getrandbits(32)
            )
        self.add(OpCode.READ, task, reg=register, base=Base.REG, offset=offset)
