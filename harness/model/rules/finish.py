"""Closing a draft: the observation that the module would report, and the state after it."""

from harness.model.records import vector
from harness.model.records.machine import HARDIRQ_OFFSET, SOFTIRQ_OFFSET, Machine
from harness.model.records.observation import (
    Observation,
    SavedChange,
    SlotChange,
    Status,
    WindowChange,
)
from harness.model.records.operation import OpCode
from harness.model.records.outcome import Outcome
from harness.model.records.state import Context, Phase, State, TaskState
from harness.model.rules import local
from harness.model.rules.bookkeeping import page_address_allowed
from harness.model.rules.draft import UNCLAIMED, Draft

PREEMPT_MASK = 0x7FFF_FFFF
_ATTRIBUTES = frozenset({OpCode.FLUSH_UNUSED, OpCode.INTERRUPT})
_NOT_DONE = frozenset({Status.REFUSED, Status.NOT_APPLICABLE})


def slot_changes(d: Draft) -> tuple[SlotChange, ...]:
    """Slots that differ from before, with the page address of their page."""
    if not d.touched_slots:
        return ()
    changes = []
    for slot in sorted(set(d.touched_slots)):
        old, new = vector.get(d.before.slots, slot), vector.get(d.slots, slot)
        if old != new:
            changes.append(
                SlotChange(slot, new.count, new.pte, _slot_address(d, slot, new.pte or old.pte))
            )
    return tuple(changes)


def _slot_address(d: Draft, slot: int, pte: int) -> int:
    page = d.page_of(pte)
    if not page_address_allowed(d):
        return 0
    if page is not None:
        return d.page_address(page)
    return d.machine.layout.pkmap_address(slot) if vector.get(d.slots, slot).count else 0


def window_changes(d: Draft) -> tuple[WindowChange, ...]:
    """Fixmap entries that differ from before."""
    if not d.touched_windows:
        return ()
    old, new = d.before.windows, d.windows
    return tuple(
        WindowChange(index, new.get(index, 0))
        for index in sorted(set(d.touched_windows))
        if old.get(index, 0) != new.get(index, 0) and index in d.machine.watched
    )


def saved_changes(d: Draft) -> tuple[SavedChange, ...]:
    """Entries of ``kmap_ctrl.pteval`` that differ from before."""
    old = d.before.tasks[d.task].saved
    if old is d.saved:
        return ()
    return tuple(
        SavedChange(entry, new)
        for entry, (was, new) in enumerate(zip(old, d.saved, strict=True))
        if was != new
    )


def preempt_extra(machine: Machine, contexts: tuple[Context, ...]) -> int:
    """What interrupt contexts add to preempt_count.

    Hardirq context is that of a timer.  Softirq context is entered from
    ``local_bh_enable``, which keeps one count while it runs softirqs (kernel/softirq.c); on
    RT softirqs run in the task and do not count here.
    """
    extra = 0
    for context in contexts:
        if context.hard:
            extra += HARDIRQ_OFFSET
        elif not machine.layout.rt:
            extra += SOFTIRQ_OFFSET + 1
    return extra


def preempt_count(d: Draft) -> int:
    """Raw preempt_count in the task: nesting where the kernel counts it, and interrupt contexts."""
    count = d.preempt if d.machine.layout.preempt_count else 0
    if d.contexts:
        count += preempt_extra(d.machine, d.contexts)
    return count & PREEMPT_MASK


def migrate_extra(machine: Machine, contexts: tuple[Context, ...]) -> int:
    """What contexts add to migration_disabled: softirqs of RT run in the task, under a local lock.

    ``__local_lock`` disables migration, and so does the sleeping spinlock in it
    (include/linux/local_lock_internal.h, kernel/locking/spinlock_rt.c): 2, as seen on 6.1-rt.
    """
    if not contexts or not machine.layout.rt:
        return 0
    return sum(2 for context in contexts if not context.hard)


def migration_disabled(d: Draft) -> int:
    """``migration_disabled`` of the task."""
    return (d.migrate + migrate_extra(d.machine, d.contexts)) & 0xFFFF


def reported_page_address(d: Draft) -> int:
    """``page_address`` of the operation's page, where it may be asked for."""
    if d.op.page >= len(d.machine.pages) or not page_address_allowed(d):
        return 0
    return d.page_address(d.op.page)


def _leave_cpu(d: Draft) -> None:
    """A task that sleeps in kmap or has ended is switched out: its window entries go.

    An EXIT is over before that happens, so that its flushes are not counted.  Of its mappings only the depth
    may have changed in this step, where a BUG followed.
    """
    task = d.before.tasks[d.task]._replace(depth=d.depth)
    for address in local.switch_out(d, task):
        if d.op.code != OpCode.EXIT:
            d.invlpg(address)


def _go_on(d: Draft, context: Context) -> None:
    """One operation of the open context is done; there is one at most."""
    if context.remaining > 1:
        d.contexts = (context._replace(remaining=context.remaining - 1),)
    else:
        d.contexts = ()
        d.irqs_off = context.irqs_off


def _begin(d: Draft, context: Context) -> None:
    """A hard interrupt that begins turns interrupts off."""
    d.contexts = (context,)
    d.irqs_off = context.hard


def new_task(d: Draft) -> TaskState:
    """The acting task after the step."""
    before = d.before.tasks[d.task]
    if d.phase is before.phase:
        page, reg = before.page, before.reg
    else:
        page, reg = (d.op.page, d.op.reg) if d.phase is Phase.BLOCKED else (-1, 0)
    return TaskState(
        d.phase, d.cpu, d.allowed, d.depth, d.saved, d.preempt, d.pagefault, d.migrate, d.irqs_off,
        d.contexts, page, reg, d.armed, d.going,
    )  # fmt: skip


def _spinning(d: Draft, task: TaskState) -> tuple[int, ...]:
    held = d.before.spinning
    spins = task.atomic and task.phase is Phase.READY
    if spins == (d.task in held):
        return held
    return (*held, d.task) if spins else tuple(other for other in held if other != d.task)


def new_state(d: Draft) -> State:
    """The state after the step."""
    number = d.task
    task = new_task(d)
    tasks = (
        d.tasks if d.tasks[number] == task else (*d.tasks[:number], task, *d.tasks[number + 1 :])
    )
    return State(
        d.cursor, d.zeros, d.ones, d.slots, d.where, d.waiting, d.windows, tasks, d.depths, d.registers,
        d.memory, d.stale, d.warned, d.current, _spinning(d, task), d.tampered, d.locked, d.lost,
        0 if d.flush_ranges else d.before.unflushed, d.errand, d.offline, d.user,
    )  # fmt: skip


def observation(d: Draft) -> Observation:
    """What the module reports: everything after the operation and what it set off.

    A task that sleeps or is gone is observed by somebody else, outside of any section.
    """
    machine = d.machine
    rejected = d.status in _NOT_DONE
    inside = d.phase is Phase.READY
    return Observation(
        d.status,
        d.cpu,
        d.value,
        UNCLAIMED if rejected else d.pte_at(d.pte_address),
        reported_page_address(d),
        d.cursor,
        len(d.waiting),
        preempt_count(d) if inside else 0,
        d.pagefault & 0xFFFF,
        migration_disabled(d),
        d.depth if machine.local else d.depths[d.cpu],
        d.flush_scans,
        d.flush_ranges,
        UNCLAIMED if d.op.code in _ATTRIBUTES else d.flush_ranges * machine.layout.online_cpus,
        d.flush_dirty,
        0,
        d.invlpgs,
        d.invlpg_address,
        d.wakes,
        UNCLAIMED if _may_warn(d) else d.warns,
        slot_changes(d),
        window_changes(d),
        saved_changes(d),
        tuple(sorted(d.done)),
        d.dead,
    )


def _may_warn(d: Draft) -> bool:
    """Whether a task warns, as it dies, of what nobody can foresee.

    On RT it can be preempted on its way, by a switch that warns of what it holds.  After the BUG of push with
    guard slots ``idx`` is beyond ``pteval``, and __kmap_local_sched_out() looks at what lies behind it in the
    task: 6.1 with the guards alone warns of nothing being there, with all of DEBUG_HIGHMEM it does not.
    """
    return d.status is Status.DIED and (d.machine.layout.rt or d.depth > len(d.saved))


def finish(d: Draft) -> Outcome:
    """The outcome that this draft has become."""
    if d.phase is not Phase.READY and d.before.tasks[d.task].phase is Phase.READY:
        _leave_cpu(d)
    seen = observation(d)
    if d.contexts:
        _go_on(d, d.contexts[0])
    elif d.opens:
        _begin(d, d.opens)
    slack = max(d.depth, d.before.tasks[d.task].depth)
    return Outcome(seen, new_state(d), d.rule, d.known, slack)
