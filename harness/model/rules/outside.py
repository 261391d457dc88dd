"""What is done to a task from outside, and what it does beyond a kernel thread (kmod/outside.c, userspace.c).

A mapping of the local generation pins its task: a change of affinity waits for the last unmap, and so does
the CPU that is to go offline (kernel/sched/core.c, ``affine_move_task``, ``balance_hotplug_wait``; 5.11 to 7.3
and the 5.10-rt patch).  In the other generations only atomic sections pin, and these do not sleep.
"""

from harness.model.records.machine import UNBOUND, Machine
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.state import Phase, State, TaskState
from harness.model.rules.draft import UNCLAIMED, Draft

NOWHERE = -1


def _target(op: Operation) -> tuple[int, int]:
    """(task, CPU) of AFFINITY."""
    return op.value & 0xFF, op.value >> 8 & 0xFF


def senseless(machine: Machine, state: State, op: Operation) -> bool:
    """Whether the module turns the operation down: nobody there, no such CPU, or one errand at a time."""
    cpus = machine.layout.online_cpus
    if op.code in (OpCode.AFFINITY, OpCode.HOTPLUG) and state.errand and hindered(state):
        return True
    if op.code == OpCode.AFFINITY:
        number, cpu = _target(op)
        return (
            number >= len(state.tasks)
            or number == op.task
            or number in state.spinning
            or state.tasks[number].phase is Phase.DEAD
            or cpu >= cpus
            or cpu == state.offline
        )
    if op.code == OpCode.HOTPLUG:
        cpu, online = op.value & 0xFF, bool(op.value >> 8)
        return not 0 < cpu < cpus or (state.offline != cpu if online else state.offline != NOWHERE)
    if op.code == OpCode.AWAIT:
        return not state.errand or hindered(state)
    return op.code == OpCode.USER and op.page >= len(machine.pages)


def _pinned(task: TaskState) -> bool:
    return task.migrate > 0 and task.phase is not Phase.DEAD


def hindered(state: State) -> bool:
    """Whether a mapping stands in the way of the errand that was last begun."""
    code, which = state.errand
    if code == OpCode.AFFINITY:
        return _pinned(state.tasks[which])
    return which == state.offline and any(
        _pinned(task) and task.cpu == which for task in state.tasks
    )


def _change(d: Draft, number: int, task: TaskState) -> None:
    d.tasks = (*d.tasks[:number], task, *d.tasks[number + 1 :])


def affinity(d: Draft) -> None:
    """AFFINITY: at once, or (value 1) when the target has unmapped what it holds."""
    number, cpu = _target(d.op)
    task = d.tasks[number]
    d.errand = (OpCode.AFFINITY, number)
    if _pinned(task):
        d.value = 1
        d.rule = "affinity.waits"
        _change(d, number, task._replace(going=cpu))
        return
    d.rule = "affinity"
    _change(d, number, task._replace(allowed=cpu, cpu=cpu, going=NOWHERE))


def hotplug(d: Draft) -> None:
    """HOTPLUG: a CPU that goes takes nobody's mapping with it; its tasks may then run anywhere."""
    cpu, online = d.op.value & 0xFF, d.op.value >> 8
    d.errand = (OpCode.HOTPLUG, cpu)
    d.invlpgs = UNCLAIMED
    if online:
        d.rule = "hotplug.online"
        d.offline = NOWHERE
        return
    d.offline = cpu
    d.value = int(any(_pinned(task) and task.cpu == cpu for task in d.tasks))
    d.rule = "hotplug.waits" if d.value else "hotplug.offline"
    for number, task in enumerate(d.tasks):
        if task.allowed == cpu:
            _change(d, number, task._replace(allowed=UNBOUND))


def wait(d: Draft) -> None:
    """AWAIT: the errand has ended; who had to move has moved."""
    code, which = d.errand
    d.rule = "await"
    d.invlpgs = UNCLAIMED
    if code != OpCode.AFFINITY:
        return
    task = d.tasks[which]
    if task.going != NOWHERE:
        _change(d, which, task._replace(allowed=task.going, cpu=task.going, going=NOWHERE))


def arrive(d: Draft) -> list[Draft]:
    """After the last unmap the task goes where it was sent, now or at its next switch."""
    if d.going == NOWHERE or d.migrate or d.status is not Status.OK:
        return [d]
    there = d.fork()
    there.cpu = there.allowed = d.going
    there.going = NOWHERE
    return [d, there]


def fork(d: Draft) -> None:
    """FORK: a child has nothing of its parent's mappings; the first that would have had warns.

    Source: ``kmap_local_fork`` in mm/highmem.c (5.11 to 7.3).  The parent sleeps meanwhile.  With FORCE_MAP the
    child's cleared pages of lowmem have been mapped, on top (linux/highmem.h, ``clear_highpage``).
    """
    d.rule = "fork"
    d.invlpgs = UNCLAIMED
    if d.machine.layout.force_map:
        d.invlpg_address = UNCLAIMED
    if d.depth:
        d.rule = "fork.mapped"
        d.warn_once("fork")


def user(d: Draft) -> None:
    """USER: the requesting process returns to user mode with a mapping; seen with the step after.

    Source: ``kmap_assert_nomap`` in kernel/entry/common.c (5.11 to 7.3): DEBUG_LOCKS_WARN_ON, which
    needs no lockdep and disables itself.
    """
    d.rule = "user.mapped"
    highmem = d.machine.layout.force_map or d.machine.pages[d.op.page].highmem
    d.user = highmem
