"""Switches of tasks: what leaves the windows with a task, and what comes back with it.

In the local generation the window entries of a task are cleared and flushed on its way out and
written again on its way in (kernel/sched/core.c, ``prepare_task_switch`` and
``finish_task_switch``; mm/highmem.c).  In the other generations nothing happens to them.
"""

from collections.abc import Iterable

from harness.model.records.machine import SLEEP_MAX
from harness.model.records.operation import OpCode
from harness.model.records.state import Phase, TaskState
from harness.model.rules.draft import Draft, refuse


def live_entries(d: Draft, task: TaskState) -> Iterable[tuple[int, int]]:
    """(fixmap index, PTE) of every mapping of *task*; the PTE is 0 where none was made."""
    return zip(*task.live_entries(d.machine.layout, d.machine.increment), strict=True)


def switch_out(d: Draft, task: TaskState) -> tuple[int, ...]:
    """``__kmap_local_sched_out``: clear the task's entries; the addresses flushed, in order.

    ``idx`` and ``pteval`` stay.  An entry that was never filled (the BUG of push) warns.
    """
    live = dict(live_entries(d, task))
    filled = [index for index in live if live[index]]
    if len(filled) < len(live):
        d.warn_once("sched-out-none")
    d.set_windows(dict.fromkeys(filled, 0))
    return tuple(map(d.machine.layout.fixaddr, filled))


def switch_in(d: Draft, task: TaskState) -> None:
    """``__kmap_local_sched_in``: put the task's entries back."""
    d.set_windows({index: pte for index, pte in live_entries(d, task) if pte})


def enter(d: Draft) -> None:
    """Switch to the acting task: the task that ran before left its window when it went to wait.

    A task in an atomic section cannot wait: it keeps its CPU, and its window entries.
    """
    leave(d)
    switch_in(d, d.before.tasks[d.number])


def leave(d: Draft) -> None:
    """The task that ran last is off its CPU."""
    state = d.before
    if state.current >= 0:
        last = state.tasks[state.current]
        if last.phase is Phase.READY and not last.atomic:
            d.flushed += switch_out(d, last)


def leave_for_good(d: Draft) -> None:
    """A task that sleeps in kmap or has ended is switched out: its window entries go.

    An EXIT is over before that happens, so that its flushes are not counted.  Where a BUG ended a
    helper, what this had mapped goes too.
    """
    flushed = switch_out(d, d.task)
    d.flushed += flushed
    for address in flushed:
        if d.op.code != OpCode.EXIT:
            d.invlpg(address)


def sleep(d: Draft) -> None:
    """SLEEP: a context switch there and back.

    A short timer may fire before the task is off its CPU (seen on 6.1 with 50 us); the module
    then sleeps again, until the task has really been away.
    """
    if d.op.value > SLEEP_MAX:
        refuse(d, "context.sleep-refused")
        return
    _away(d, "context.sleep")


def give_way(d: Draft) -> None:
    """YIELD: ``schedule()`` switches only if another task wants the CPU: it need not flush."""
    held = d.state.stale
    _away(d, "context.yield")
    d.invlpgs = d.invlpg_address = 0
    d.state = d.state.with_stale(held)


def _away(d: Draft, rule: str) -> None:
    """The task is switched out and in again."""
    d.rule = rule
    if not d.task.depth:
        return
    d.rule += "-mapped"
    me = d.before.tasks[d.number]
    for address in switch_out(d, me):
        d.invlpg(address)
    switch_in(d, me)
