"""A step being made: the records that it changes, and what it will be seen to do.

Rules change a draft; ``finish`` closes it into an observation and a new state.  A draft
lives inside one step and is forked where a rule has several outcomes, so that steps
stay pure.
"""

from collections.abc import Mapping
from copy import copy
from typing import NamedTuple

from harness.model.records import vector
from harness.model.records.layout import PTE_PRESENT
from harness.model.records.machine import Machine
from harness.model.records.observation import UNCLAIMED, Checkpoint, Completion, Status
from harness.model.records.operation import Operation
from harness.model.records.state import Context, Phase, Slot, State, new


class Leftovers(NamedTuple):
    """The old translations that a step leaves (``leftovers.py``).

    That is what the module reports of them, and the addresses that map nothing and were not
    flushed.
    """

    address: int
    reused: int
    left: int
    unflushed: frozenset[int]


class Draft:
    """One step of one task.

    ``state`` and ``task`` are the records as changed so far: ``task`` is the acting task, which
    ``finish`` puts in its place in ``state.tasks``.  ``flushed`` are the addresses dropped from
    the TLB of the CPU that maps there; ``slack`` is how deep the task was on the way.  The other
    attributes are what the step will be seen to do, as in ``Observation``.
    """

    __slots__ = (
        "before", "checkpoints", "dead", "done", "flush_dirty", "flush_ranges", "flush_scans",
        "flushed", "invlpg_address", "invlpgs", "known", "lost", "machine", "number", "op",
        "opens", "pte_address", "rule", "slack", "state", "status", "task", "touched_slots",
        "touched_windows", "value", "wakes", "warns",
    )  # fmt: skip

    def __init__(self, machine: Machine, state: State, op: Operation, cpu: int) -> None:
        self.machine = machine
        self.before = state
        self.op = op
        self.number = op.task
        self.task = state.tasks[op.task]
        if self.task.cpu != cpu:
            self.task = self.task._replace(cpu=cpu)
        same = state.current == op.task and not state.user
        self.state = state if same else state.with_current(op.task)
        self.lost = ""
        self.status = Status.OK
        self.value = self.pte_address = 0
        self.flush_scans = self.flush_ranges = self.flush_dirty = 0
        self.invlpgs = self.invlpg_address = 0
        self.flushed: tuple[int, ...] = ()
        self.wakes = self.warns = 0
        self.touched_slots: tuple[int, ...] = ()
        self.touched_windows: tuple[int, ...] = ()
        self.done: tuple[Completion, ...] = ()
        self.dead: tuple[int, ...] = ()
        self.checkpoints: tuple[Checkpoint, ...] = ()
        self.rule = ""
        self.slack = 0
        self.known: str | None = None
        self.opens: Context | None = None

    def fork(self) -> "Draft":
        """An independent copy, since no attribute is ever changed in place."""
        return copy(self)

    # -- pkmap slots and page addresses -------------------------------------------------

    def set_slot(self, slot: int, count: int, pte: int) -> None:
        """Set ``pkmap_count[slot]`` and its PTE."""
        state, held = self.state, new(Slot, (count, pte))
        self.state = state.with_pkmap(state.cursor, slot, held, state.where, state.registers)
        self.touched_slots += (slot,)

    def set_page_address(self, page: int, address: int) -> None:
        """``set_page_address`` of a page that has an id."""
        self.state = self.state.with_where(page, address)

    def page_address(self, page: int) -> int:
        """``page_address`` of page id *page*, now."""
        return vector.get(self.state.where, page) or self.machine.direct[page]

    def page_address_allowed(self) -> bool:
        """Tell whether page_address() may be called where the task is."""
        return not self.machine.layout.rt or self.task.may_lock_on_rt

    # -- windows and TLBs ---------------------------------------------------------------

    def set_window(self, index: int, pte: int) -> None:
        """Write fixmap entry *index* (0: clear); no flush."""
        self.state = self.state.with_window(index, pte)
        self.touched_windows += (index,)

    def set_windows(self, entries: Mapping[int, int]) -> None:
        """Write several fixmap entries (0: clear); no flush."""
        if entries:
            windows = {**self.state.windows, **entries}
            for index, pte in entries.items():
                if not pte:
                    del windows[index]
            self.state = self.state.with_windows(windows)
            self.touched_windows += tuple(entries)

    def mark_stale(self, cpu: int, address: int, pte: int) -> None:
        """The TLB of *cpu* (-1: any) may go on translating *address* by *pte*."""
        if pte & PTE_PRESENT:
            key = (cpu, address)
            held = self.state.stale.get(key, ())
            if pte not in held:
                self.state = self.state.with_stale({**self.state.stale, key: (*held, pte)})

    def invlpg(self, address: int) -> None:
        """``flush_tlb_one_kernel``: drop *address* from this CPU's TLB (arch/x86/mm/tlb.c)."""
        self.invlpgs += 1
        self.invlpg_address = address
        self.flushed += (address,)
        self.forget_stale(address)

    def flushed_early(self, address: int, depth: int) -> bool:
        """Tell whether *address* is flushed though it is above the *depth* of this CPU's stack.

        Not after an unmap in order: the entry is not yet popped by then.
        """
        layout = self.machine.layout
        index = layout.fixindex(address)
        entry = layout.window_slot(self.task.cpu, index)
        return entry >= 0 and entry >= depth

    def forget_stale(self, address: int) -> None:
        """Drop what this CPU may hold of *address*."""
        stale, key = self.state.stale, (self.task.cpu, address)
        if key in stale:
            self.state = self.state.with_stale({at: stale[at] for at in stale if at != key})

    def pte_at(self, address: int) -> int:
        """PTE of *address* by page walk; ``UNCLAIMED`` outside of pkmap and the windows."""
        machine, layout, windows = self.machine, self.machine.layout, self.state.windows
        if layout.in_pkmap(address):
            return vector.get(self.state.slots, layout.pkmap_slot(address)).pte
        if not address:
            return 0
        index = layout.fixindex(address)
        if index in machine.watched or self.in_window(address) or index in windows:
            return windows.get(index, 0)
        return UNCLAIMED

    def in_window(self, address: int) -> bool:
        """Tell whether the unmap functions take *address* for one of a window."""
        return self.machine.in_window(address)

    # -- tasks --------------------------------------------------------------------------

    def warn_once(self, site: str) -> None:
        """``WARN_ON_ONCE`` at *site*: only the first of a boot is seen (lib/bug.c)."""
        if site not in self.state.warned:
            self.state = self.state._replace(warned=self.state.warned | {site})
            self.warns += 1

    def complete(self, number: int, result: int) -> None:
        """End the kmap in which task *number* slept."""
        sleeper = self.state.tasks[number]
        ready = sleeper._replace(phase=Phase.READY, page=-1)
        self.state = self.state.with_task(number, ready).with_register(sleeper.reg, result)
        self.done += (Completion(number, result, self.page_address(sleeper.page)),)

    # -- operands and results -----------------------------------------------------------

    def address(self) -> int:
        """The address operand."""
        return self.machine.operand_address(self.op, self.state.registers)

    def new_pte(self) -> int:
        """The PTE that the mapping operation asks for."""
        return self.machine.window_pte(self.op)

    def result(self, address: int) -> None:
        """The operation returns *address* and stores it in its register."""
        self.value = address
        self.pte_address = address
        self.state = self.state.with_register(self.op.reg, address)


# -- counts that mapping leaves behind, and how a task ends ----------------------------------
# Sources: include/linux/highmem-internal.h (5.11 on), include/linux/highmem.h (5.10),
# kernel/sched/core.c (migrate_disable), kernel/exit.c.


def count(d: Draft, *, preempt: int = 0, pagefault: int = 0, migrate: int = 0) -> None:
    """Add to the nesting counts of the acting task."""
    was = d.task
    nested = was.preempt + preempt, was.pagefault + pagefault, was.migrate + migrate
    d.task = was.with_counts(*nested)


def atomic_enter(d: Draft) -> None:
    """The first act of ``kmap_atomic``: RT pins the task, others disable preemption."""
    if d.machine.layout.rt:
        count(d, pagefault=1, migrate=1)
    else:
        count(d, preempt=1, pagefault=1)


def atomic_leave(d: Draft) -> None:
    """The last act of ``kunmap_atomic``, after it has unmapped."""
    if d.machine.layout.rt:
        count(d, pagefault=-1)
        migrate_enable(d)
    else:
        count(d, preempt=-1, pagefault=-1)


def migrate_disable(d: Draft) -> None:
    """``migrate_disable``: nests per task."""
    count(d, migrate=1)


def migrate_enable(d: Draft) -> None:
    """``migrate_enable``: one call too many only warns, and leaves the count at 0."""
    if d.task.migrate == 0:
        d.warn_once("migrate-enable")
    else:
        count(d, migrate=-1)


def in_hardirq(d: Draft) -> bool:
    """``in_hardirq()``: any open context is hard."""
    return any(context.hard for context in d.task.contexts)


def die(d: Draft, rule: str) -> None:
    """A BUG: the task is killed; in an interrupt the kernel panics instead (kernel/exit.c)."""
    d.rule = rule
    d.status = Status.DIED
    d.task = d.task._replace(phase=Phase.DEAD)
    d.value = d.pte_address = 0
    if d.task.contexts:
        d.lost = "BUG in an interrupt: the kernel panics"


def refuse(d: Draft, rule: str) -> None:
    """Wrong use of the module: nothing is done."""
    d.status = Status.REFUSED
    d.rule = rule
