"""Amounts that interrupt contexts add to the counts of a task."""

from harness.model.records.state import Context

HARDIRQ_OFFSET = 0x1_0000
SOFTIRQ_OFFSET = 0x100
PREEMPT_MASK = 0x7FFF_FFFF
"""preempt_count without PREEMPT_NEED_RESCHED."""


def preempt_extra(contexts: tuple[Context, ...], *, rt: bool) -> int:
    """The amount that interrupt contexts add to preempt_count.

    Hardirq context is that of a timer.  Softirq context is entered from ``local_bh_enable``,
    which keeps one count while it runs softirqs (kernel/softirq.c); on RT softirqs run in
    the task and do not count here.
    """
    extra = 0
    for context in contexts:
        if context.hard:
            extra += HARDIRQ_OFFSET
        elif not rt:
            extra += SOFTIRQ_OFFSET + 1
    return extra


def migrate_extra(contexts: tuple[Context, ...], *, rt: bool) -> int:
    """The amount that contexts add to migration_disabled: RT's softirqs run in the task, locked.

    ``__local_lock`` disables migration, and so does the sleeping spinlock in it
    (include/linux/local_lock_internal.h, kernel/locking/spinlock_rt.c): 2, as seen on 6.1-rt.
    """
    return sum(2 for context in contexts if not context.hard) if rt else 0
