"""What a task does beside mapping: contexts, sleeping, moving, ending.

In an atomic section none of these but the contexts is begun (``refusal.py``).
"""

from harness.model.records.machine import SLEEP_MAX
from harness.model.records.observation import Status
from harness.model.records.state import Context, Phase
from harness.model.rules import local
from harness.model.rules.draft import Draft


def refuse(d: Draft, rule: str) -> None:
    """Wrong use of the module: nothing is done."""
    d.status = Status.REFUSED
    d.rule = rule


def irq_off(d: Draft) -> None:
    """``local_irq_disable``."""
    d.irqs_off = True
    d.rule = "context.irq-off"


def irq_on(d: Draft) -> None:
    """``local_irq_enable``."""
    d.irqs_off = False
    d.rule = "context.irq-on"


def preempt_off(d: Draft) -> None:
    """``preempt_disable``."""
    d.preempt += 1
    d.rule = "context.preempt-off"


def preempt_on(d: Draft) -> None:
    """``preempt_enable``."""
    d.preempt -= 1
    d.rule = "context.preempt-on"


def interrupt(d: Draft, *, hard: bool) -> None:
    """The next operations run in an interrupt on top of this task; this one is seen before it begins."""
    d.rule = "context.hardirq" if hard else "context.softirq"
    if d.op.value:
        d.opens = Context(hard, d.op.value, d.irqs_off)


def hardirq(d: Draft) -> None:
    """The next ``value`` operations run in hardirq context."""
    interrupt(d, hard=True)


def softirq(d: Draft) -> None:
    """The next ``value`` operations run in softirq context."""
    interrupt(d, hard=False)


def sleep(d: Draft) -> None:
    """SLEEP: a context switch there and back.

    A short timer may fire before the task is off its CPU (seen on 6.1 with 50 us); the module
    then sleeps again, until the task has really been away.
    """
    if d.op.value > SLEEP_MAX:
        refuse(d, "context.sleep-refused")
        return
    _away(d, "context.sleep")


def _away(d: Draft, rule: str) -> None:
    """The task is switched out and in again.

    In the local generation the window entries are cleared and flushed on the way out and
    written again on the way in (kernel/sched/core.c, ``prepare_task_switch`` and
    ``finish_task_switch``).  In the other generations nothing happens to them.
    """
    d.rule = rule
    if not d.depth:
        return
    d.rule += "-mapped"
    me = d.before.tasks[d.task]
    for address in local.switch_out(d, me):
        d.invlpg(address)
    local.switch_in(d, me)


def schedule(d: Draft) -> None:
    """YIELD: ``schedule()``, which switches only if somebody else wants the CPU: nothing need have been flushed."""
    held = d.stale
    _away(d, "context.yield")
    d.invlpgs = d.invlpg_address = 0
    d.stale = held


def leave(d: Draft) -> None:
    """EXIT: the task ends as it is; live local mappings vanish at its last switch, silently."""
    d.rule = "context.exit-mapped" if d.depth else "context.exit"
    d.phase = Phase.DEAD


def migrate(d: Draft) -> None:
    """MIGRATE: at once.

    A task whose migration is disabled is not sent: the kernel would warn and refuse
    (kernel/sched/core.c, ``__set_cpus_allowed_ptr``), so the module refuses before.
    """
    if d.migrate or d.op.value >= d.machine.layout.online_cpus:
        refuse(d, "context.migrate-refused")
        return
    d.allowed = d.cpu = d.op.value
    d.rule = "context.migrate"


def signal(d: Draft) -> None:
    """SIGNAL: SIGKILL to another task.  One that sleeps in kmap sleeps on: its state is TASK_UNINTERRUPTIBLE."""
    d.rule = "signal.waiter" if d.before.tasks[d.op.value].phase is Phase.BLOCKED else "signal"


def idle(d: Draft) -> None:
    """NOP: only observe."""
    d.rule = "nop"
