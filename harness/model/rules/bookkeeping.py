"""Counts that mapping leaves behind: preemption, page faults, migration; and how a task ends.

Sources: include/linux/highmem-internal.h (5.11 on), include/linux/highmem.h (5.10),
kernel/sched/core.c (migrate_disable), kernel/exit.c.
"""

from harness.model.records.observation import Status
from harness.model.records.state import Phase
from harness.model.rules.draft import Draft


def atomic_enter(d: Draft) -> None:
    """What ``kmap_atomic`` does before it maps: RT pins the task to its CPU, others disable preemption."""
    if d.machine.layout.rt:
        migrate_disable(d)
    else:
        d.preempt += 1
    d.pagefault += 1


def atomic_leave(d: Draft) -> None:
    """What ``kunmap_atomic`` does after it has unmapped."""
    d.pagefault -= 1
    if d.machine.layout.rt:
        migrate_enable(d)
    else:
        d.preempt -= 1


def migrate_disable(d: Draft) -> None:
    """``migrate_disable``: nests per task."""
    d.migrate += 1


def migrate_enable(d: Draft) -> None:
    """``migrate_enable``: one too many only warns, and leaves the count at 0."""
    if d.migrate == 0:
        d.warn_once("migrate-enable")
        return
    d.migrate -= 1


def in_hardirq(d: Draft) -> bool:
    """``in_hardirq()``: any open context is hard."""
    return any(context.hard for context in d.contexts)


def atomic(d: Draft) -> bool:
    """Whether the task is in a section in which it cannot sleep."""
    return d.preempt > 0 or d.irqs_off or bool(d.contexts)


def page_address_allowed(d: Draft) -> bool:
    """Whether page_address() may be called: on RT only where one may sleep, for its bucket lock.

    In a hard interrupt interrupts are off.
    """
    if not d.machine.layout.rt:
        return True
    return not d.irqs_off and d.preempt == 0


def die(d: Draft, rule: str) -> None:
    """A BUG: the task is killed; in an interrupt the kernel panics instead (kernel/exit.c)."""
    d.rule = rule
    d.status = Status.DIED
    d.phase = Phase.DEAD
    d.value = d.pte_address = 0
    if d.contexts:
        d.lost = "BUG in an interrupt: the kernel panics"
