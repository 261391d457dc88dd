"""The state of the machinery: immutable, sparse, shared between steps.

Nothing in a state may be changed in place, the dictionaries included.  The ``with_*`` methods
make what ``_replace`` would make, in less than half its time; a test compares them with it.
"""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from harness.model.records import vector
from harness.model.records.interrupt import Armed
from harness.model.records.layout import Layout
from harness.model.records.vector import Vector

new = tuple.__new__
"""``new(Record, fields in order)`` does what ``Record(...)`` does, in half the time."""


def lowest(bitset: int) -> int:
    """Position of the lowest bit set."""
    return (bitset & -bitset).bit_length() - 1


class Phase(IntEnum):
    """The phase of a task.

    WOKEN: runnable, but still in the queue, since a task in an atomic section has its CPU.
    """

    READY = 0
    BLOCKED = 1
    DEAD = 2
    WOKEN = 3


class Context(NamedTuple):
    """An interrupt context that a task's next ``remaining`` operations run in.

    ``irqs_off`` is the state of interrupts that comes back when the context ends.
    """

    hard: bool
    remaining: int
    irqs_off: bool


class TaskState(NamedTuple):
    """One task.  ``saved`` is ``kmap_ctrl.pteval`` (empty in other generations than local).

    ``preempt``, ``pagefault`` and ``migrate`` count nesting, also where the kernel does not;
    ``allowed`` is the CPU it may run on or ``UNBOUND``; ``page`` and ``reg`` are those of the
    kmap it sleeps in; ``going`` is the CPU it must go to after its last unmap, or -1.
    """

    phase: Phase
    cpu: int
    allowed: int
    depth: int
    saved: tuple[int, ...]
    preempt: int = 0
    pagefault: int = 0
    migrate: int = 0
    irqs_off: bool = False
    contexts: tuple[Context, ...] = ()
    page: int = -1
    reg: int = 0
    armed: Armed | None = None
    going: int = -1

    @property
    def atomic(self) -> bool:
        """Tell whether the task is in a section in which it cannot sleep."""
        return self.preempt > 0 or self.irqs_off or bool(self.contexts)

    @property
    def pinned(self) -> bool:
        """Tell whether a local mapping keeps the task on its CPU."""
        return self.migrate > 0 and self.phase is not Phase.DEAD

    @property
    def may_lock_on_rt(self) -> bool:
        """Tell whether the task may take a spinlock of RT, which sleeps: page_address() takes one.

        In a hard interrupt interrupts are off.
        """
        return not (self.irqs_off or self.preempt)

    def live_entries(self, layout: Layout, step: int) -> tuple[Sequence[int], tuple[int, ...]]:
        """Fixmap indices of the task's stack while it runs, and the PTE saved for each.

        *step* is ``Machine.increment``: guards are left out, and so is what lies beyond ``saved``
        after the BUG of push in a debug kernel.  A PTE is 0 where an entry was never filled.
        """
        depth = min(max(self.depth, 0), len(self.saved))
        indices = layout.window_indices(self.cpu, range(step - 1, depth, step))
        return indices, self.saved[step - 1 : depth : step]

    def with_counts(self, preempt: int, pagefault: int, migrate: int) -> "TaskState":
        """The task with other counts of preemption, page faults and migration disabled."""
        fields = [*self]
        fields[_PREEMPT], fields[_PAGEFAULT], fields[_MIGRATE] = preempt, pagefault, migrate
        return new(TaskState, fields)

    def with_stack(self, depth: int, saved: tuple[int, ...], migrate: int) -> "TaskState":
        """The task with another stack of local mappings; each of them disables migration once."""
        fields = [*self]
        fields[_DEPTH], fields[_SAVED], fields[_MIGRATE] = depth, saved, migrate
        return new(TaskState, fields)

    def with_contexts(self, contexts: tuple[Context, ...], *, irqs_off: bool) -> "TaskState":
        """The task in other interrupt contexts."""
        fields = [*self]
        fields[_CONTEXTS], fields[_IRQS_OFF] = contexts, irqs_off
        return new(TaskState, fields)


class Slot(NamedTuple):
    """A pkmap slot: its ``pkmap_count`` and its PTE."""

    count: int  # type: ignore[assignment] # hides a method of tuple that nobody calls
    pte: int


class State(NamedTuple):
    """Everything the rules read and change.

    ``zeros`` and ``ones`` are bit sets of the slots with count 0 and 1; ``where`` gives
    each page's pkmap address (0: none); ``waiting`` the tasks in ``pkmap_map_wait``, sorted,
    woken or not; ``windows`` the fixmap entries that are not none; ``depths`` the
    ``__kmap_atomic_idx`` of each CPU; ``memory`` the words known per page; ``stale`` old
    translations that a TLB may still hold,
    by (CPU or -1 for any, address); ``warned`` the WARN_ONCE sites that have fired;
    ``current`` the task that ran last; ``spinning`` the tasks that keep a CPU, since they are in
    an atomic section; ``tampered``: a test has set a PTE of pkmap by hand; ``locked``: a dead
    task holds ``kmap_lock``; ``lost``: why the model claims nothing more, or empty;
    ``unflushed``: addresses that map nothing, and whose old translation was not flushed (only
    where a rule is broken); ``errand``: the last change of affinity or CPU (its operation,
    and task or CPU), ``offline``: the CPU that was taken away; ``user``: the requesting process
    has just been in user mode with a mapping.
    """

    cursor: int
    zeros: int
    ones: int
    slots: Vector[Slot]
    where: Vector[int]
    waiting: tuple[int, ...]
    windows: dict[int, int]
    tasks: tuple[TaskState, ...]
    depths: tuple[int, ...]
    registers: Vector[int]
    memory: Vector[dict[int, int]]
    stale: dict[tuple[int, int], tuple[int, ...]]
    warned: frozenset[str]
    current: int = -1
    spinning: tuple[int, ...] = ()
    tampered: bool = False
    locked: bool = False
    lost: str = ""
    unflushed: frozenset[int] = frozenset()
    errand: tuple[int, int] = ()  # type: ignore[assignment] # empty: there is none
    offline: int = -1
    user: bool = False

    def with_slot(self, slot: int, count: int, pte: int) -> "State":
        """``pkmap_count[slot]`` and its PTE changed."""
        held: Slot = new(Slot, (count, pte))
        return self.with_pkmap(self.cursor, slot, held, self.where, self.registers)

    def with_pkmap(
        self, cursor: int, slot: int, held: Slot, where: Vector[int], registers: Vector[int]
    ) -> "State":
        """A slot changed by kmap or kunmap; nothing else keeps the bit sets up to date."""
        fields, bit, count = [*self], 1 << slot, held.count
        fields[_CURSOR] = cursor
        fields[_ZEROS] = self.zeros & ~bit if count else self.zeros | bit
        fields[_ONES] = self.ones | bit if count == 1 else self.ones & ~bit
        fields[_SLOTS] = vector.put(self.slots, slot, held)
        fields[_WHERE], fields[_REGISTERS] = where, registers
        return new(State, fields)

    def with_unused_flushed(self, slots: Vector[Slot], where: Vector[int]) -> "State":
        """All unused slots free and flushed; *slots* and *where* are what that leaves."""
        flushed = self._replace(slots=slots, where=where)
        return flushed._replace(zeros=self.zeros | self.ones, ones=0)

    def with_cursor(self, cursor: int) -> "State":
        """``last_pkmap_nr`` changed."""
        fields = [*self]
        fields[_CURSOR] = cursor
        return new(State, fields)

    def with_where(self, page: int, address: int) -> "State":
        """``set_page_address`` of a page that has an id."""
        fields = [*self]
        fields[_WHERE] = vector.put(self.where, page, address)
        return new(State, fields)

    def with_windows(self, windows: dict[int, int]) -> "State":
        """Other fixmap entries."""
        fields = [*self]
        fields[_WINDOWS] = windows
        return new(State, fields)

    def with_window(self, index: int, pte: int) -> "State":
        """One fixmap entry changed (0: none)."""
        windows = self.windows.copy()
        if pte:
            windows[index] = pte
        else:
            windows.pop(index, None)
        return self.with_windows(windows)

    def with_task(self, number: int, task: TaskState) -> "State":
        """One task changed."""
        fields = [*self]
        fields[_TASKS] = vector.replaced(self.tasks, number, task)
        return new(State, fields)

    def with_register(self, reg: int, address: int) -> "State":
        """One register changed."""
        fields = [*self]
        fields[_REGISTERS] = vector.put(self.registers, reg, address)
        return new(State, fields)

    def with_memory(self, page: int, words: dict[int, int]) -> "State":
        """The words known of one page changed."""
        fields = [*self]
        fields[_MEMORY] = vector.put(self.memory, page, words)
        return new(State, fields)

    def with_stale(self, stale: dict[tuple[int, int], tuple[int, ...]]) -> "State":
        """Other translations that a TLB may still hold."""
        fields = [*self]
        fields[_STALE] = stale
        return new(State, fields)

    def with_end(
        self,
        number: int,
        task: TaskState,
        spinning: tuple[int, ...],
        lost: str,
        unflushed: frozenset[int],
    ) -> "State":
        """A step of task *number* ended: what every step may change."""
        fields = [*self]
        fields[_TASKS] = vector.replaced(self.tasks, number, task)
        fields[_SPINNING], fields[_LOST], fields[_UNFLUSHED] = spinning, lost, unflushed
        return new(State, fields)

    def with_current(self, number: int) -> "State":
        """Task *number* runs; nobody has come back from user mode since."""
        fields = [*self]
        fields[_CURRENT], fields[_USER] = number, False
        return new(State, fields)

    def switched_to(self, number: int, windows: dict[int, int]) -> "State":
        """Task *number* runs, with the *windows* that its switch has left."""
        fields = [*self]
        fields[_CURRENT], fields[_WINDOWS] = number, windows
        return new(State, fields)

    def alone_with_task(self, number: int, task: TaskState) -> "State":
        """Task *number* changed, the only one that may keep a CPU (while it is atomic)."""
        fields = [*self]
        fields[_TASKS] = vector.replaced(self.tasks, number, task)
        fields[_SPINNING] = (number,) if task.atomic else ()
        return new(State, fields)

    def alone_with_mapping(
        self,
        number: int,
        task: TaskState,
        windows: dict[int, int],
        depths: tuple[int, ...],
        registers: Vector[int],
    ) -> "State":
        """As ``alone_with_task``, and *windows*, *depths* and *registers* changed."""
        fields = [*self]
        fields[_TASKS] = vector.replaced(self.tasks, number, task)
        fields[_SPINNING] = (number,) if task.atomic else ()
        fields[_WINDOWS], fields[_DEPTHS], fields[_REGISTERS] = windows, depths, registers
        return new(State, fields)


# Where each field that a change above sets stands in its record.
_DEPTH, _SAVED, _PREEMPT, _PAGEFAULT, _MIGRATE, _IRQS_OFF, _CONTEXTS = map(
    TaskState._fields.index,
    ("depth", "saved", "preempt", "pagefault", "migrate", "irqs_off", "contexts"),
)
_CURSOR, _ZEROS, _ONES, _SLOTS, _WHERE, _WINDOWS, _TASKS, _DEPTHS = map(
    State._fields.index,
    ("cursor", "zeros", "ones", "slots", "where", "windows", "tasks", "depths"),
)
_REGISTERS, _MEMORY, _STALE, _CURRENT, _SPINNING, _LOST, _UNFLUSHED, _USER = map(
    State._fields.index,
    ("registers", "memory", "stale", "current", "spinning", "lost", "unflushed", "user"),
)
