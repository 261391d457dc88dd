"""Fast path of the typed generation: mapping into a free entry, unmapping by the same type.

The rules are those of ``rules/typed.py`` where nothing goes wrong.
"""

from harness.model.fast.turn import (
    PlainRule,
    Turn,
    address_of,
    cleared,
    filled,
    map_lowmem,
    mappable,
    mapped,
    outcome,
)
from harness.model.records.km_type import slot
from harness.model.records.layout import PAGE_MASK
from harness.model.records.operation import PFN_MAPS, OpCode
from harness.model.records.outcome import Outcome
from harness.model.records.state import TaskState


def _nested(task: TaskState, by: int) -> TaskState:
    """*task* with *by* sections more in which it cannot be preempted."""
    return task.with_counts(task.preempt + by, task.pagefault, task.migrate)


def _index(t: Turn) -> int:
    """``type + KM_TYPE_NR * smp_processor_id()``, from FIX_KMAP_BEGIN."""
    layout = t.machine.layout
    return layout.window_index(t.task.cpu, slot(t.op.value, debug=layout.debug_highmem))


def _map(t: Turn) -> Outcome | None:
    """``kmap_atomic(page, type)`` and ``kmap_atomic_pfn(pfn, type)``."""
    if not mappable(t):
        return None
    machine, state, op = t.machine, t.state, t.op
    inside, pfn = _nested(t.task, 1), op.code in PFN_MAPS
    if not pfn and machine.direct[op.page]:
        return map_lowmem(t, inside, "typed.map.lowmem")
    index = _index(t)
    if index in state.windows or index not in machine.watched:
        return None
    after = filled(t, index, machine.window_pte(op), inside, state.depths)
    return mapped(t, after, index, "typed.map-pfn.typed" if pfn else "typed.map.typed")


def _unmap(t: Turn) -> Outcome | None:
    """``kunmap_atomic(address, type)`` of a mapping of this type."""
    page, index = address_of(t) & PAGE_MASK, _index(t)
    if index not in t.state.windows or page != t.machine.layout.fixaddr(index):
        return None
    after = cleared(t, index, _nested(t.task, -1), t.state.depths)
    return outcome(t, after, "typed.unmap", invlpg=page, entry=index)


TYPED: dict[OpCode, PlainRule] = {
    OpCode.KMAP_ATOMIC: _map,
    OpCode.KMAP_ATOMIC_PROT: _map,
    OpCode.KMAP_ATOMIC_PFN: _map,
    OpCode.KUNMAP_ATOMIC: _unmap,
}
