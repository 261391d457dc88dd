"""Messages of a debug kernel beside the warnings that the module counts.

``__might_sleep`` (kernel/sched/core.c, 5.10 to 7.3) writes with printk, not by ``__warn``, and at
most once a second: its message is allowed, and never demanded.
"""

from harness.model.records.machine import Machine
from harness.model.records.operation import MIGHT_SLEEP, Operation
from harness.model.records.state import State


def may_complain(machine: Machine, state: State, op: Operation) -> bool:
    """Tell whether DEBUG_ATOMIC_SLEEP may complain that *op* might sleep in an atomic section.

    kmap and kunmap begin with might_sleep(), for lowmem too (linux/highmem.h of 5.8 to 5.10,
    linux/highmem-internal.h since).
    """
    task = state.tasks[op.task]
    return machine.layout.debug_atomic_sleep and op.code in MIGHT_SLEEP and task.atomic
