"""Acts of a task beside mapping: interrupts off and on, contexts, moving, ending."""

from harness.model.records.state import Context, Phase
from harness.model.rules.draft import Draft, count, refuse


def irq_off(d: Draft) -> None:
    """``local_irq_disable``."""
    d.task = d.task._replace(irqs_off=True)
    d.rule = "context.irq-off"


def irq_on(d: Draft) -> None:
    """``local_irq_enable``."""
    d.task = d.task._replace(irqs_off=False)
    d.rule = "context.irq-on"


def preempt_off(d: Draft) -> None:
    """``preempt_disable``."""
    count(d, preempt=1)
    d.rule = "context.preempt-off"


def preempt_on(d: Draft) -> None:
    """``preempt_enable``."""
    count(d, preempt=-1)
    d.rule = "context.preempt-on"


def interrupt(d: Draft, *, hard: bool) -> None:
    """The next operations run in an interrupt, which begins after this one was observed."""
    d.rule = "context.hardirq" if hard else "context.softirq"
    if d.op.value:
        d.opens = Context(hard, d.op.value, d.task.irqs_off)


def hardirq(d: Draft) -> None:
    """The next ``value`` operations run in hardirq context."""
    interrupt(d, hard=True)


def softirq(d: Draft) -> None:
    """The next ``value`` operations run in softirq context."""
    interrupt(d, hard=False)


def leave(d: Draft) -> None:
    """EXIT: the task ends as it is; live local mappings vanish at its last switch, silently."""
    d.rule = "context.exit-mapped" if d.task.depth else "context.exit"
    d.task = d.task._replace(phase=Phase.DEAD)


def migrate(d: Draft) -> None:
    """MIGRATE: at once.

    A task whose migration is disabled is not sent: the kernel would warn and refuse
    (kernel/sched/core.c, ``__set_cpus_allowed_ptr``), so the module refuses before.
    """
    if d.task.migrate or d.op.value >= d.machine.layout.online_cpus:
        refuse(d, "context.migrate-refused")
        return
    d.task = d.task._replace(allowed=d.op.value, cpu=d.op.value)
    d.rule = "context.migrate"


def signal(d: Draft) -> None:
    """SIGNAL: SIGKILL to another task.

    A task that sleeps in kmap sleeps on, since its state is TASK_UNINTERRUPTIBLE.
    """
    d.rule = "signal.waiter" if d.before.tasks[d.op.value].phase is Phase.BLOCKED else "signal"


def idle(d: Draft) -> None:
    """NOP: only observe."""
    d.rule = "nop"
