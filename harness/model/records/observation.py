"""Observations: what is seen after a step, by the model and by a guest alike.

The model predicts records of this shape and the guest's answers are decoded into it,
so that a comparison is a comparison of tuples.  Values that the model cannot know
(cycles, step numbers) are not part of it.
"""

from enum import IntEnum
from typing import NamedTuple

UNCLAIMED = -1
"""In a predicted observation: the model says nothing about this field."""


class Status(IntEnum):
    """How an operation ended (``enum kmh_status``)."""

    OK = 0
    BLOCKED = 1
    NOT_APPLICABLE = 2
    REFUSED = 3
    DIED = 4
    FAULT = 5
    STUCK = 6
    BUG = 7
    INTERRUPTIBLE = 8


ASLEEP = frozenset({Status.BLOCKED, Status.INTERRUPTIBLE})
"""The task sleeps in kmap; as it should, or so that a signal would wake it."""


class SlotChange(NamedTuple):
    """A pkmap slot that differs from before: its count, PTE, and the page address of its page.

    ``address`` is ``page_address`` of the page mapped now or, where none is, of the page
    that was (0: forgotten).
    """

    slot: int
    count: int  # type: ignore[assignment] # hides a method of tuple that nobody calls
    pte: int
    address: int


class WindowChange(NamedTuple):
    """A fixmap entry in or beside the windows that differs from before, by fixmap index."""

    index: int  # type: ignore[assignment] # hides a method of tuple that nobody calls
    pte: int


class SavedChange(NamedTuple):
    """An entry of the task's ``kmap_ctrl.pteval`` that differs from before."""

    entry: int
    pte: int


class Completion(NamedTuple):
    """A task that was asleep in kmap and has ended it in this step."""

    task: int
    result: int
    address: int


class Interrupt(NamedTuple):
    """One mapping that an interrupt, or a task of higher priority, made during the operation.

    ``flags`` are ``KMH_INTERRUPT_*``; ``depth`` is the depth before it.  ``value`` is the first
    word read through the mapping.  The last record of an interrupt has no address: its depth
    is the depth after everything was unmapped.
    """

    flags: int
    depth: int
    address: int
    pte: int
    value: int


class Checkpoint(NamedTuple):
    """A stage that a process of a workload has reached.

    ``left``: local mappings that were found where none should be.  ``error`` is the errno of a
    failed call, at the end the status of the process.  ``crc`` is that of all bytes read.
    """

    stage: int
    left: int
    error: int
    crc: int


class Observation(NamedTuple):
    """Everything judged about one step.  All changes are relative to the step before, sorted."""

    status: Status
    cpu: int
    value: int
    pte: int
    page_address: int
    cursor: int
    waiters: int
    preempt: int
    pagefault: int
    migrate: int
    depth: int
    flush_scans: int
    flush_ranges: int
    flush_cpus: int
    flush_dirty: int
    flush_odd: int
    invlpgs: int
    invlpg_address: int
    stale_address: int
    wakes: int
    warns: int
    stale_reused: int
    stale_left: int
    slots: tuple[SlotChange, ...] = ()
    windows: tuple[WindowChange, ...] = ()
    saved: tuple[SavedChange, ...] = ()
    done: tuple[Completion, ...] = ()
    dead: tuple[int, ...] = ()
    interrupts: tuple[Interrupt, ...] = ()
    checkpoints: tuple[Checkpoint, ...] = ()


class TaskView(NamedTuple):
    """One task in a snapshot: its kmap stack and how its last operation stands."""

    status: Status
    cpu: int
    depth: int
    saved: tuple[int, ...]


class Snapshot(NamedTuple):
    """The whole state at rest, read from the live structures.

    ``counts`` and ``ptes`` have one entry per pkmap slot; ``windows`` lists
    ``(fixmap index, pte)`` for every entry that is not none in and beside the windows;
    ``page_addresses`` has one entry per page id; ``cpu_depths`` one per online CPU
    (stack generation, else zeros).
    """

    cursor: int
    waiters: int
    counts: tuple[int, ...]
    ptes: tuple[int, ...]
    windows: tuple[tuple[int, int], ...]
    tasks: tuple[TaskView, ...]
    cpu_depths: tuple[int, ...]
    page_addresses: tuple[int, ...]
