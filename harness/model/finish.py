"""Closing a draft: the observation that the module would report, and the state after it."""

from harness.model import local, vector
from harness.model.bookkeeping import in_hardirq
from harness.model.draft import UNCLAIMED, Draft
from harness.model.layout import Generation
from harness.model.machine import UNBOUND
from harness.model.observation import Observation, SavedChange, SlotChange, Status, WindowChange
from harness.model.operation import NO_PAGE, OpCode
from harness.model.outcome import Outcome
from harness.model.state import Context, Phase, State, TaskState

_PREEMPT_MASK = 0x7FFF_FFFF
_ABSENT = frozenset({Status.BLOCKED, Status.DIED, Status.REFUSED, Status.NOT_APPLICABLE})


def slot_changes(d: Draft) -> tuple[SlotChange, ...]:
    """Slots that differ from before, with the page address of their page."""
    if not d.touched_slots:
        return ()
    changes = []
    for slot in sorted(set(d.touched_slots)):
        old, new = vector.get(d.before.slots, slot), vector.get(d.slots, slot)
        if old != new:
            changes.append(SlotChange(slot, new.count, new.pte, _slot_address(d, slot, new.pte or old.pte)))
    return tuple(changes)


def _slot_address(d: Draft, slot: int, pte: int) -> int:
    page = d.page_of(pte)
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
        if old.get(index, 0) != new.get(index, 0)
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


def preempt_count(d: Draft) -> int:
    """Raw preempt_count in the task: nesting where the kernel counts it, and interrupt contexts."""
    machine = d.machine
    count = d.preempt if machine.layout.preempt_count else 0
    for context in d.contexts:
        count += machine.hardirq_preempt if context.hard else machine.softirq_preempt
    return count & _PREEMPT_MASK


def reported_page_address(d: Draft) -> int:
    """``page_address`` of the operation's page; not asked for in hardirq context of RT, where it may sleep."""
    if d.op.page == NO_PAGE or (d.machine.layout.rt and in_hardirq(d)):
        return 0
    return d.page_address(d.op.page)


def _leave_cpu(d: Draft) -> None:
    """A task that sleeps in kmap or has ended is switched out: its window entries go."""
    if d.machine.local and d.phase is not Phase.READY:
        task = d.before.tasks[d.task]._replace(cpu=d.cpu, depth=d.depth, saved=d.saved)
        for address in local.switch_out(d, task):
            d.invlpg(address)


def _contexts(d: Draft) -> None:
    """One operation of every open context is done; the one that opened a context does not count in it."""
    opened = len(d.contexts) - len(d.before.tasks[d.task].contexts)
    kept: list[Context] = []
    for context in d.contexts[: len(d.contexts) - opened]:
        if context.remaining > 1:
            kept.append(context._replace(remaining=context.remaining - 1))
        elif not kept or len(kept) < len(d.contexts):
            d.irqs_off = context.irqs_off
    d.contexts = (*kept, *d.contexts[len(d.contexts) - opened :])


def new_task(d: Draft) -> TaskState:
    """The acting task after the step."""
    page, reg = (d.op.page, d.op.reg) if d.phase is Phase.BLOCKED else (-1, 0)
    return TaskState(
        d.phase, d.cpu, d.allowed, d.depth, d.saved, d.preempt, d.pagefault, d.migrate, d.irqs_off,
        d.contexts, page, reg,
    )  # fmt: skip


def new_state(d: Draft) -> State:
    """The state after the step."""
    number = d.task
    task = new_task(d)
    tasks = d.tasks if d.tasks[number] == task else (*d.tasks[:number], task, *d.tasks[number + 1 :])
    return State(
        d.cursor, d.zeros, d.ones, d.slots, d.where, d.waiting, d.windows, tasks, d.depths, d.registers,
        d.memory, d.stale, d.warned, d.current, d.tampered, d.locked, d.lost,
    )  # fmt: skip


def observation(d: Draft) -> Observation:
    """What the module reports: everything after the operation and what it set off."""
    present = d.status not in _ABSENT and d.phase is Phase.READY
    gone = d.phase is Phase.DEAD
    generation = d.machine.layout.generation
    depth = d.depth if generation is Generation.LOCAL else d.depths[d.cpu]
    return Observation(
        d.status,
        d.cpu,
        d.value,
        d.pte_at(d.pte_address),
        reported_page_address(d),
        d.cursor,
        len(d.waiting),
        preempt_count(d) if present else UNCLAIMED,
        d.pagefault & 0xFFFF if present else UNCLAIMED,
        d.migrate & 0xFFFF if present else UNCLAIMED,
        depth if present else UNCLAIMED,
        d.flush_scans,
        d.flush_ranges,
        d.flush_ranges * d.machine.layout.online_cpus,
        d.flush_dirty,
        0,
        UNCLAIMED if gone or d.op.code == OpCode.FLUSH_UNUSED else d.invlpgs,
        UNCLAIMED if gone or d.op.code == OpCode.FLUSH_UNUSED else d.invlpg_address,
        d.wakes,
        d.warns,
        slot_changes(d),
        window_changes(d),
        saved_changes(d),
        tuple(sorted(d.done)),
        d.dead,
    )


def finish(d: Draft) -> Outcome:
    """The outcome that this draft has become."""
    if d.phase is not Phase.READY:
        _leave_cpu(d)
    seen = observation(d)
    if d.contexts:
        _contexts(d)
    slack = 0 if not d.machine.local else max(d.depth, d.before.tasks[d.task].depth)
    return Outcome(seen, new_state(d), d.rule, d.known, slack)


def moved(d: Draft) -> list[Draft]:
    """A task whose move was put off by ``migrate_disable`` is seen on the old CPU or already on the new."""
    if d.phase is not Phase.READY or d.allowed in (UNBOUND, d.cpu) or d.migrate:
        return [d]
    there = d.fork()
    there.cpu = d.allowed
    return [there] if d.op.code == OpCode.MIGRATE else [d, there]
