"""Closing a draft: the observation that the module would report, and the state after it."""

from harness.model.records import vector
from harness.model.records.context_counts import PREEMPT_MASK, migrate_extra, preempt_extra
from harness.model.records.observation import (
    UNCLAIMED,
    Checkpoint,
    Observation,
    SavedChange,
    SlotChange,
    Status,
    WindowChange,
)
from harness.model.records.operation import OperationFlag, operations_with
from harness.model.records.outcome import Outcome
from harness.model.records.state import Context, Phase, State, TaskState
from harness.model.rules.draft import Draft, Leftovers

_SETS_ATTRIBUTES = operations_with(OperationFlag.SETS_ATTRIBUTES)
_NOT_DONE = frozenset({Status.REFUSED, Status.NOT_APPLICABLE})


def slot_changes(d: Draft) -> tuple[SlotChange, ...]:
    """Slots that differ from before, with the page address of their page."""
    if not d.touched_slots:
        return ()
    changes = []
    for slot in sorted(set(d.touched_slots)):
        old, new = vector.get(d.before.slots, slot), vector.get(d.state.slots, slot)
        if old != new:
            changes.append(
                SlotChange(slot, new.count, new.pte, _slot_address(d, slot, new.pte or old.pte))
            )
    return tuple(changes)


def _slot_address(d: Draft, slot: int, pte: int) -> int:
    """The address of the page of *pte*; a slot that has none, now and before, names no page.

    Source: kmod/shadow.c, ``page_address_of_pte``.
    """
    if not pte or not d.page_address_allowed():
        return 0
    page = d.machine.page_of(pte)
    if page is not None:
        return d.page_address(page)
    return d.machine.layout.pkmap_address(slot) if vector.get(d.state.slots, slot).count else 0


def window_changes(d: Draft) -> tuple[WindowChange, ...]:
    """Fixmap entries that differ from before."""
    if not d.touched_windows:
        return ()
    old, new = d.before.windows, d.state.windows
    watched = d.machine.watched
    changes = []
    for index in sorted(set(d.touched_windows)):
        pte = new.get(index, 0)
        if old.get(index, 0) != pte and index in watched:
            changes.append(WindowChange(index, pte))
    return tuple(changes)


def saved_changes(d: Draft) -> tuple[SavedChange, ...]:
    """Entries of ``kmap_ctrl.pteval`` that differ from before."""
    old = d.before.tasks[d.number].saved
    if old is d.task.saved:
        return ()
    return tuple(
        SavedChange(entry, new)
        for entry, (was, new) in enumerate(zip(old, d.task.saved, strict=True))
        if was != new
    )


def preempt_count(d: Draft) -> int:
    """Raw preempt_count: the nesting, if the kernel counts it, and interrupt contexts."""
    count = d.task.preempt if d.machine.layout.preempt_count else 0
    if d.task.contexts:
        count += preempt_extra(d.task.contexts, rt=d.machine.layout.rt)
    return count & PREEMPT_MASK


def migration_disabled(d: Draft) -> int:
    """``migration_disabled`` of the task."""
    return (d.task.migrate + migrate_extra(d.task.contexts, rt=d.machine.layout.rt)) & 0xFFFF


def reported_page_address(d: Draft) -> int:
    """``page_address`` of the operation's page, where it may be asked for."""
    if d.op.page >= len(d.machine.pages) or not d.page_address_allowed():
        return 0
    return d.page_address(d.op.page)


def _go_on(task: TaskState, context: Context) -> TaskState:
    """One operation of the open context is done; there is one context at most."""
    if context.remaining > 1:
        rest = context._replace(remaining=context.remaining - 1)
        return task.with_contexts((rest,), irqs_off=task.irqs_off)
    return task.with_contexts((), irqs_off=context.irqs_off)


def new_task(d: Draft) -> TaskState:
    """The acting task after the step; a hard interrupt that begins turns interrupts off."""
    task = d.task
    if task.contexts:
        task = _go_on(task, task.contexts[0])
    elif d.opens:
        task = task.with_contexts((d.opens,), irqs_off=d.opens.hard)
    if task.phase is d.before.tasks[d.number].phase:
        return task
    blocked = task.phase is Phase.BLOCKED
    return task._replace(page=d.op.page if blocked else -1, reg=d.op.reg if blocked else 0)


def _spinning(d: Draft, task: TaskState) -> tuple[int, ...]:
    held = d.before.spinning
    spins = task.atomic and task.phase is Phase.READY
    if spins == (d.number in held):
        return held
    return (*held, d.number) if spins else tuple(other for other in held if other != d.number)


def new_state(d: Draft, unflushed: frozenset[int]) -> State:
    """The state after the step."""
    state, task = d.state, new_task(d)
    spinning = _spinning(d, task)
    same = spinning is state.spinning and unflushed == state.unflushed and not d.lost
    if same and state.tasks[d.number] == task:
        return state
    return state.with_end(d.number, task, spinning, d.lost, unflushed)


def observation(d: Draft, stale: Leftovers) -> Observation:
    """The module's report: everything after the operation and its consequences.

    A task that sleeps or is gone is observed by somebody else, outside of any section.
    """
    machine, state, task = d.machine, d.state, d.task
    rejected = d.status in _NOT_DONE
    inside = task.phase is Phase.READY
    return Observation(
        d.status,
        task.cpu,
        d.value,
        UNCLAIMED if rejected else d.pte_at(d.pte_address),
        reported_page_address(d),
        state.cursor,
        len(state.waiting),
        preempt_count(d) if inside else 0,
        task.pagefault & 0xFFFF,
        migration_disabled(d),
        task.depth if machine.local else state.depths[task.cpu],
        d.flush_scans,
        d.flush_ranges,
        UNCLAIMED
        if d.op.code in _SETS_ATTRIBUTES
        else d.flush_ranges * machine.layout.online_cpus,
        d.flush_dirty,
        0,
        d.invlpgs,
        d.invlpg_address,
        stale.address,
        d.wakes,
        UNCLAIMED if _may_warn(d) else d.warns,
        stale.reused,
        stale.left,
        slot_changes(d),
        window_changes(d),
        saved_changes(d),
        tuple(sorted(d.done)) if d.done else (),
        d.dead,
    )


def _may_warn(d: Draft) -> bool:
    """Tell whether nobody can foresee the warnings of a task that dies.

    On RT the task can be preempted on its way, by a switch that warns of what it holds.  After the
    BUG of push with guard slots ``idx`` is beyond ``pteval``, and __kmap_local_sched_out() looks
    at what lies behind it in the task: 6.1 with the guards alone warns that nothing is there, with
    all of DEBUG_HIGHMEM it does not.
    """
    return d.status is Status.DIED and (d.machine.layout.rt or d.task.depth > len(d.task.saved))


def _with_processes(seen: Observation, checkpoints: tuple[Checkpoint, ...]) -> Observation:
    """*seen* of a step in which processes run: they flush, and wake each other, as they like."""
    return seen._replace(
        checkpoints=checkpoints,
        flush_scans=UNCLAIMED,
        flush_ranges=UNCLAIMED,
        flush_cpus=UNCLAIMED,
        flush_dirty=UNCLAIMED,
        flush_odd=UNCLAIMED,
        invlpgs=UNCLAIMED,
        invlpg_address=UNCLAIMED,
        wakes=UNCLAIMED,
    )


def finish(d: Draft, stale: Leftovers) -> Outcome:
    """The outcome that this draft has become, with the *stale* translations that it leaves."""
    depth, before = d.task.depth, d.before.tasks[d.number].depth
    slack = depth if depth > before else before  # max() takes twice the time
    slack = d.slack or slack
    seen = observation(d, stale)
    if d.checkpoints:
        seen = _with_processes(seen, d.checkpoints)
    return Outcome(seen, new_state(d, stale.unflushed), d.rule, d.known, slack)
