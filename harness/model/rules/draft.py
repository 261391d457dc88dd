"""A step being made: the state opened for change, and what the step will be seen to do.

Rules change a draft; ``finish`` closes it into an observation and a new state.  A draft
lives inside one step and is forked where a rule has several outcomes, so that steps
stay pure.
"""

from copy import copy

from harness.model.records import vector
from harness.model.records.layout import ADDRESS_MASK, FRAME_MASK, PAGE_SHIFT, PTE_PRESENT
from harness.model.records.machine import Machine
from harness.model.records.observation import Completion, Status
from harness.model.records.operation import Base, Operation
from harness.model.records.state import Context, Phase, Slot, State

PAGE_MASK = ~0xFFF
UNCLAIMED = -1
"""In a predicted observation: the model says nothing about this field."""


class Draft:
    """One step of one task; the attributes mirror ``State``, ``TaskState`` and ``Observation``."""

    __slots__ = (
        "allowed",
        "armed",
        "before",
        "contexts",
        "cpu",
        "current",
        "cursor",
        "dead",
        "depth",
        "depths",
        "done",
        "errand",
        "flush_dirty",
        "flush_ranges",
        "flush_scans",
        "going",
        "invlpg_address",
        "invlpgs",
        "irqs_off",
        "known",
        "locked",
        "lost",
        "machine",
        "memory",
        "migrate",
        "offline",
        "ones",
        "op",
        "opens",
        "pagefault",
        "phase",
        "preempt",
        "pte_address",
        "registers",
        "rule",
        "saved",
        "slots",
        "stale",
        "status",
        "tampered",
        "task",
        "tasks",
        "touched_slots",
        "touched_windows",
        "user",
        "value",
        "waiting",
        "wakes",
        "warned",
        "warns",
        "where",
        "windows",
        "zeros",
    )  # fmt: skip

    def __init__(self, machine: Machine, state: State, op: Operation, cpu: int) -> None:
        task = state.tasks[op.task]
        self.machine = machine
        self.before = state
        self.op = op
        self.task = op.task
        self.cpu = cpu
        self.phase = task.phase
        self.allowed = task.allowed
        self.depth = task.depth
        self.saved = task.saved
        self.preempt = task.preempt
        self.pagefault = task.pagefault
        self.migrate = task.migrate
        self.irqs_off = task.irqs_off
        self.contexts = task.contexts
        self.armed = task.armed
        self.going = task.going
        self.cursor = state.cursor
        self.zeros = state.zeros
        self.ones = state.ones
        self.slots = state.slots
        self.where = state.where
        self.waiting = state.waiting
        self.windows = state.windows
        self.tasks = state.tasks
        self.depths = state.depths
        self.registers = state.registers
        self.memory = state.memory
        self.stale = state.stale
        self.warned = state.warned
        self.tampered = state.tampered
        self.locked = state.locked
        self.errand = state.errand
        self.offline = state.offline
        self.user = False
        self.lost = ""
        self.current = op.task
        self.status = Status.OK
        self.value = 0
        self.pte_address = 0
        self.flush_scans = self.flush_ranges = self.flush_dirty = 0
        self.invlpgs = self.invlpg_address = 0
        self.wakes = self.warns = 0
        self.touched_slots: tuple[int, ...] = ()
        self.touched_windows: tuple[int, ...] = ()
        self.done: tuple[Completion, ...] = ()
        self.dead: tuple[int, ...] = ()
        self.rule = ""
        self.known: str | None = None
        self.opens: Context | None = None

    def fork(self) -> "Draft":
        """An independent copy: every attribute is immutable or replaced, never changed in place."""
        return copy(self)

    # -- pkmap slots and page addresses -------------------------------------------------

    def set_slot(self, slot: int, count: int, pte: int) -> None:
        """Set ``pkmap_count[slot]`` and its PTE."""
        bit = 1 << slot
        self.zeros = self.zeros | bit if count == 0 else self.zeros & ~bit
        self.ones = self.ones | bit if count == 1 else self.ones & ~bit
        self.slots = vector.put(self.slots, slot, Slot(count, pte))
        self.touched_slots += (slot,)

    def set_page_address(self, page: int, address: int) -> None:
        """``set_page_address`` of a page that has an id."""
        self.where = vector.put(self.where, page, address)

    def page_of(self, pte: int) -> int | None:
        """Id of the page that *pte* maps, if it is one of ours."""
        return self.machine.ids.get((pte & FRAME_MASK) >> PAGE_SHIFT)

    def page_address(self, page: int) -> int:
        """``page_address`` of page id *page*, now."""
        return vector.get(self.where, page) or self.machine.direct[page]

    # -- windows and TLBs ---------------------------------------------------------------

    def set_window(self, index: int, pte: int) -> None:
        """Write fixmap entry *index* (0: clear); no flush."""
        windows = self.windows.copy()
        if pte:
            windows[index] = pte
        else:
            windows.pop(index, None)
        self.windows = windows
        self.touched_windows += (index,)

    def mark_stale(self, cpu: int, address: int, pte: int) -> None:
        """The TLB of *cpu* (-1: any) may go on translating *address* by *pte*."""
        if pte & PTE_PRESENT:
            key = (cpu, address)
            held = self.stale.get(key, ())
            if pte not in held:
                self.stale = {**self.stale, key: (*held, pte)}

    def invlpg(self, address: int) -> None:
        """``flush_tlb_one_kernel``: drop *address* from the TLB of this CPU (arch/x86/mm/tlb.c)."""
        self.invlpgs += 1
        self.invlpg_address = address
        self.forget_stale(address)

    def flushed_early(self, address: int, depth: int) -> bool:
        """Whether *address* is flushed though its entry is there, or above the *depth* of this CPU's stack.

        Not after an unmap in order: the entry is none by then, and not yet popped.
        """
        layout = self.machine.layout
        index = layout.fixindex(address)
        entry = index - layout.window_index(self.cpu, 0)
        return bool(self.windows.get(index, 0)) or (entry >= 0 and entry >= depth)

    def forget_stale(self, address: int) -> None:
        """Drop what this CPU may hold of *address*."""
        key = (self.cpu, address)
        if key in self.stale:
            self.stale = {at: ptes for at, ptes in self.stale.items() if at != key}

    # -- tasks --------------------------------------------------------------------------

    def warn_once(self, site: str) -> None:
        """``WARN_ON_ONCE`` at *site*: only the first of a boot is seen (lib/bug.c)."""
        if site not in self.warned:
            self.warned |= {site}
            self.warns += 1

    def complete(self, number: int, result: int) -> None:
        """End the kmap in which task *number* slept."""
        task = self.tasks[number]
        ready = task._replace(phase=Phase.READY, page=-1)
        self.tasks = (*self.tasks[:number], ready, *self.tasks[number + 1 :])
        self.registers = vector.put(self.registers, task.reg, result)
        self.done += (Completion(number, result, self.page_address(task.page)),)

    # -- operands -----------------------------------------------------------------------

    def address(self) -> int:
        """The address operand: (base, reg or page, offset), ``enum kmh_base``."""
        op = self.op
        return (self._base(op) + op.offset) & ADDRESS_MASK

    def _base(self, op: Operation) -> int:
        if op.base == Base.REG:
            return vector.get(self.registers, op.reg)
        layout = self.machine.layout
        if op.base == Base.FIXMAP:
            return layout.fixaddr(op.reg)
        if op.base == Base.PKMAP:
            return layout.pkmap_address(op.reg)
        return self.machine.direct[op.page] if op.base == Base.DIRECT else 0

    def new_pte(self) -> int:
        """The PTE that the mapping operation asks for."""
        return self.machine.window_pte(self.op)

    def result(self, address: int) -> None:
        """The operation returns *address* and stores it in its register."""
        self.value = address
        self.pte_address = address
        self.registers = vector.put(self.registers, self.op.reg, address)

    def in_window(self, address: int) -> bool:
        """Whether the unmap functions take *address* for one of a window: both ends belong to it."""
        return self.machine.window_low <= address & PAGE_MASK <= self.machine.window_high

    def pte_at(self, address: int) -> int:
        """PTE of *address* by page walk; ``UNCLAIMED`` outside of pkmap and the windows."""
        layout = self.machine.layout
        if layout.in_pkmap(address):
            return vector.get(self.slots, layout.pkmap_slot(address)).pte
        if not address:
            return 0
        index = layout.fixindex(address)
        if index in self.machine.watched or self.in_window(address) or index in self.windows:
            return self.windows.get(index, 0)
        return UNCLAIMED
