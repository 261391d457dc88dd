"""Acts of others on a task, and acts of a task that a plain kernel thread does not have.

Source: kmod/outside.c, kmod/userspace.c.

A mapping of the local generation pins its task: a change of affinity waits for the last unmap,
and so does a CPU that is to go offline (kernel/sched/core.c, ``affine_move_task``,
``balance_hotplug_wait``; 5.11 to 7.3 and the 5.10-rt patch).  In the other generations only
atomic sections pin, and these do not sleep.
"""

from harness.model.records.errand import NOWHERE, errand_target
from harness.model.records.layout import UNBOUND
from harness.model.records.observation import UNCLAIMED, Status
from harness.model.records.operation import OpCode
from harness.model.records.state import TaskState
from harness.model.rules.draft import Draft


def _change(d: Draft, number: int, task: TaskState) -> None:
    d.state = d.state.with_task(number, task)


def affinity(d: Draft) -> None:
    """AFFINITY: at once, or (value 1) when the target has unmapped what it holds."""
    number, cpu = errand_target(d.op)
    task = d.state.tasks[number]
    d.state = d.state._replace(errand=(OpCode.AFFINITY, number))
    if task.pinned:
        d.value = 1
        d.rule = "affinity.waits"
        _change(d, number, task._replace(going=cpu))
        return
    d.rule = "affinity"
    _change(d, number, task._replace(allowed=cpu, cpu=cpu, going=NOWHERE))


def hotplug(d: Draft) -> None:
    """HOTPLUG: a CPU that goes takes nobody's mapping with it; its tasks may then run anywhere."""
    cpu, online = d.op.value & 0xFF, d.op.value >> 8
    d.state = d.state._replace(errand=(OpCode.HOTPLUG, cpu))
    d.invlpgs = UNCLAIMED
    if online:
        d.rule = "hotplug.online"
        d.state = d.state._replace(offline=NOWHERE)
        return
    d.state = d.state._replace(offline=cpu)
    d.value = int(any(task.pinned and task.cpu == cpu for task in d.state.tasks))
    d.rule = "hotplug.waits" if d.value else "hotplug.offline"
    for number, task in enumerate(d.state.tasks):
        if task.allowed == cpu:
            _change(d, number, task._replace(allowed=UNBOUND))


def wait(d: Draft) -> None:
    """AWAIT: the errand has ended; who had to move has moved."""
    code, which = d.state.errand
    d.rule = "await"
    d.invlpgs = UNCLAIMED
    if code != OpCode.AFFINITY:
        return
    task = d.state.tasks[which]
    if task.going != NOWHERE:
        _change(d, which, task._replace(allowed=task.going, cpu=task.going, going=NOWHERE))


def arrive(d: Draft) -> list[Draft]:
    """After the last unmap the task goes where it was sent, now or at its next switch."""
    if d.task.going == NOWHERE or d.task.migrate or d.status is not Status.OK:
        return [d]
    there = d.fork()
    going = d.task.going
    there.task = d.task._replace(cpu=going, allowed=going, going=NOWHERE)
    return [d, there]


def fork(d: Draft) -> None:
    """FORK: a child has nothing of its parent's mappings; the first that would have had warns.

    Source: ``kmap_local_fork`` in mm/highmem.c (5.11 to 7.3).  The parent sleeps meanwhile.  With
    FORCE_MAP the child's cleared lowmem pages have been mapped on top (``clear_highpage``).
    """
    d.rule = "fork"
    d.invlpgs = UNCLAIMED
    if d.machine.layout.force_map:
        d.invlpg_address = UNCLAIMED
    if d.task.depth:
        d.rule = "fork.mapped"
        d.warn_once("fork")


def user(d: Draft) -> None:
    """USER: the requesting process returns to user mode with a mapping; seen with the step after.

    Source: ``kmap_assert_nomap`` in kernel/entry/common.c (5.11 to 7.3): DEBUG_LOCKS_WARN_ON
    needs no lockdep and disables itself.
    """
    d.rule = "user.mapped"
    highmem = d.machine.layout.force_map or d.machine.pages[d.op.page].highmem
    d.state = d.state._replace(user=highmem)
