"""What a debug kernel may say to a step beside the warnings that the module counts.

``__might_sleep`` (kernel/sched/core.c, 5.10 to 7.3) writes with printk, not by ``__warn``, and at most once a
second: what it says is allowed, never demanded.
"""

from harness.model.records.machine import Machine
from harness.model.records.operation import OpCode, Operation
from harness.model.records.state import State

_SLEEPING = frozenset({OpCode.KMAP, OpCode.KUNMAP})
"""They begin with might_sleep(), for lowmem too (linux/highmem.h of 5.8 to 5.10, linux/highmem-internal.h since)."""


def may_complain(machine: Machine, state: State, op: Operation) -> bool:
    """Whether DEBUG_ATOMIC_SLEEP may complain of *op* in *state*: it might sleep in an atomic section."""
    task = state.tasks[op.task]
    return (
        machine.layout.debug_atomic_sleep
        and op.code in _SLEEPING
        and (task.preempt > 0 or task.irqs_off or bool(task.contexts))
    )
