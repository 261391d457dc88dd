"""Woken tasks that cannot run yet: one in an atomic section has their CPU.

They stay in ``pkmap_map_wait``, since a task takes itself out when it runs (mm/highmem.c,
``map_new_virtual``: ``remove_wait_queue`` after ``schedule``).  Meanwhile a task of another CPU may
take the slot that they were woken for; they find that out when the section ends.
"""

from harness.model.records.machine import UNBOUND
from harness.model.records.state import Phase
from harness.model.rules import pkmap
from harness.model.rules.bookkeeping import atomic
from harness.model.rules.draft import Draft


def held_cpus(d: Draft) -> frozenset[int]:
    """CPUs that a task in an atomic section does not give up, as things stand after the operation."""
    others = {d.before.tasks[other].cpu for other in d.before.spinning if other != d.task}
    return frozenset({*others, d.cpu} if atomic(d) else others)


def _set_phase(d: Draft, numbers: tuple[int, ...], phase: Phase) -> None:
    d.tasks = tuple(
        task._replace(phase=phase) if number in numbers else task
        for number, task in enumerate(d.tasks)
    )


def wake(d: Draft) -> list[Draft]:
    """All in the queue are woken: those whose CPU is free run at once, the others are held back."""
    held = held_cpus(d)
    if held and any(d.tasks[number].allowed == UNBOUND for number in d.waiting):
        d.lost = (
            "a woken task that is bound to no CPU, beside an atomic section: it may run or not"
        )
        return [d]
    back = tuple(number for number in d.waiting if d.tasks[number].cpu in held)
    if back:
        _set_phase(d, back, Phase.WOKEN)
        d.rule += "-held"
    woken = tuple(number for number in d.waiting if number not in back)
    d.waiting = back
    return pkmap.settle(d, woken)


def run_held(d: Draft) -> list[Draft]:
    """Those held back run, where the operation has ended the section that kept them."""
    held = held_cpus(d)
    due = tuple(
        n for n in d.waiting if d.tasks[n].phase is Phase.WOKEN and d.tasks[n].cpu not in held
    )
    if not due:
        return [d]
    _set_phase(d, due, Phase.BLOCKED)
    d.waiting = tuple(number for number in d.waiting if number not in due)
    return pkmap.settle(d, due)
