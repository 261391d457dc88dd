"""Fast path of the windows: mapping into an entry that is free, unmapping the newest mapping.

The rules are those of ``local``, ``stack`` and ``typed_window`` where nothing goes wrong.
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
    pte_at,
)
from harness.model.records import vector
from harness.model.records.km_type import known_type, typed_entry
from harness.model.records.layout import PAGE_MASK
from harness.model.records.machine import REGISTERS, Machine
from harness.model.records.observation import SavedChange
from harness.model.records.operation import ATOMIC_MAPS, ATOMIC_UNMAPS, PFN_MAPS, OpCode
from harness.model.records.outcome import Outcome
from harness.model.records.state import State, TaskState, new

_ATOMIC = ATOMIC_MAPS | ATOMIC_UNMAPS

_LOCAL_MAPS = {
    (True, True): "atomic.map-pfn",
    (True, False): "atomic.map",
    (False, True): "local.map-pfn",
    (False, False): "local.map",
}
_LOCAL_UNMAPS = {True: "atomic.unmap", False: "local.unmap"}


def _counted(machine: Machine, task: TaskState, by: int) -> TaskState:
    """Counts that kmap_atomic (*by* 1) and kunmap_atomic (-1) change (``bookkeeping.py``)."""
    preempt, pagefault, migrate = task.preempt, task.pagefault + by, task.migrate
    if machine.layout.rt:
        return task.with_counts(preempt, pagefault, migrate + by)
    return task.with_counts(preempt + by, pagefault, migrate)


def _outside(t: Turn, left: TaskState, rule: str, address: int) -> Outcome:
    """Unmapping an address beside the windows does nothing to them."""
    after = t.state.alone_with_task(t.op.task, left)
    return outcome(t, after, rule + ".outside", pte=pte_at(t.machine, after, address))


# -- the local generation ---------------------------------------------------------------


def _local_map(t: Turn) -> Outcome | None:
    """``__kmap_local_page_prot`` and ``__kmap_local_pfn_prot``."""
    if not mappable(t):
        return None
    machine, op = t.machine, t.op
    pfn, atomic = op.code in PFN_MAPS, op.code in _ATOMIC
    rule = _LOCAL_MAPS[atomic, pfn]
    if pfn or machine.layout.force_map or not machine.direct[op.page]:
        return _local_push(t, rule, atomic=atomic)
    return map_lowmem(t, _counted(machine, t.task, 1) if atomic else t.task, rule + ".lowmem")


def _stacked(task: TaskState, depth: int, saved: tuple[int, ...], by: int) -> TaskState:
    """*task* with *by* mappings more, each of which disables migration."""
    return task.with_stack(depth, saved, task.migrate + by)


def _local_push(t: Turn, rule: str, *, atomic: bool) -> Outcome | None:
    """Into the next entry of the task's stack, if there is one and nothing is in it."""
    machine, task, windows = t.machine, t.task, t.state.windows
    depth = task.depth + machine.increment
    entry = depth - 1
    index = machine.layout.window_index(task.cpu, entry)
    if depth >= machine.layout.window or index in windows:
        return None
    pte, was = machine.window_pte(t.op), task.saved[entry]
    pushed = _stacked(task, depth, vector.replaced(task.saved, entry, pte), 1)
    after = filled(
        t, index, pte, _counted(machine, pushed, 1) if atomic else pushed, t.state.depths
    )
    changes = (new(SavedChange, (entry, pte)),) if was != pte else ()
    return mapped(t, after, index, rule + (".nested" if task.depth else ".first"), changes)


def _local_unmap(t: Turn) -> Outcome | None:
    """``kunmap_local_indexed``: migration enabled once too often is not plain."""
    address, atomic = address_of(t), t.op.code in _ATOMIC
    if not address:
        return None
    if t.machine.in_window(address):
        return _local_pop(t, address & PAGE_MASK, atomic=atomic)
    left = _counted(t.machine, t.task, -1) if atomic else t.task
    if left.migrate < 0 or t.machine.layout.force_map:
        return None
    return _outside(t, left, _LOCAL_UNMAPS[atomic], address)


def _local_pop(t: Turn, page: int, *, atomic: bool) -> Outcome | None:
    """The newest mapping of the task."""
    machine, task, windows = t.machine, t.task, t.state.windows
    depth, entry = task.depth - machine.increment, task.depth - 1
    index = machine.layout.window_index(task.cpu, entry)
    if depth < 0 or index not in windows or page != machine.layout.fixaddr(index):
        return None
    popped = _stacked(task, depth, vector.replaced(task.saved, entry, 0), -1)
    left = _counted(machine, popped, -1) if atomic else popped
    if left.migrate < 0:
        return None
    changes = (new(SavedChange, (entry, 0)),) if task.saved[entry] else ()
    after = cleared(t, index, left, t.state.depths)
    return outcome(t, after, _LOCAL_UNMAPS[atomic], invlpg=page, entry=index, saved=changes)


LOCAL: dict[OpCode, PlainRule] = {
    OpCode.KMAP_ATOMIC: _local_map,
    OpCode.KMAP_ATOMIC_PROT: _local_map,
    OpCode.KMAP_ATOMIC_PFN: _local_map,
    OpCode.KUNMAP_ATOMIC: _local_unmap,
    OpCode.KMAP_LOCAL: _local_map,
    OpCode.KMAP_LOCAL_PROT: _local_map,
    OpCode.KMAP_LOCAL_PFN: _local_map,
    OpCode.KUNMAP_LOCAL: _local_unmap,
    OpCode.IOMAP: _local_map,
    OpCode.IOUNMAP: _local_unmap,
}


# -- the stack generation ---------------------------------------------------------------


def _depths(state: State, cpu: int, depth: int) -> tuple[int, ...]:
    return vector.replaced(state.depths, cpu, depth)


def _stack_map(t: Turn) -> Outcome | None:
    """``kmap_atomic_prot`` and ``kmap_atomic_prot_pfn``."""
    if not mappable(t):
        return None
    pfn, cpu = t.op.code in PFN_MAPS, t.task.cpu
    rule = "atomic.map-pfn" if pfn else "atomic.map"
    inside = _counted(t.machine, t.task, 1)
    if not pfn and t.machine.direct[t.op.page]:
        return map_lowmem(t, inside, rule + ".lowmem")
    slot = t.state.depths[cpu]
    index = t.machine.layout.window_index(cpu, slot)
    if not 0 <= slot < t.machine.layout.window or index in t.state.windows:
        return None
    depths = _depths(t.state, cpu, slot + 1)
    after = filled(t, index, t.machine.window_pte(t.op), inside, depths)
    return mapped(t, after, index, rule + (".nested" if slot else ".first"))


def _stack_unmap(t: Turn) -> Outcome | None:
    """``kunmap_atomic`` and ``iounmap_atomic``."""
    address = address_of(t)
    left = _counted(t.machine, t.task, -1)
    if not address or left.migrate < 0:
        return None
    if t.machine.in_window(address):
        return _stack_pop(t, left, address & PAGE_MASK)
    return None if t.machine.layout.debug_highmem else _outside(t, left, "atomic.unmap", address)


def _stack_pop(t: Turn, left: TaskState, page: int) -> Outcome | None:
    """The newest mapping of the CPU."""
    slot = t.state.depths[left.cpu] - 1
    index = t.machine.layout.window_index(left.cpu, slot)
    if slot < 0 or index not in t.state.windows or page != t.machine.layout.fixaddr(index):
        return None
    after = cleared(t, index, left, _depths(t.state, left.cpu, slot))
    return outcome(t, after, "atomic.unmap", invlpg=page, entry=index)


STACK: dict[OpCode, PlainRule] = {
    OpCode.KMAP_ATOMIC: _stack_map,
    OpCode.KMAP_ATOMIC_PROT: _stack_map,
    OpCode.KMAP_ATOMIC_PFN: _stack_map,
    OpCode.KUNMAP_ATOMIC: _stack_unmap,
    OpCode.IOMAP: _stack_map,
    OpCode.IOUNMAP: _stack_unmap,
}


# -- the module's typed window ----------------------------------------------------------


def _typed_index(t: Turn) -> int:
    return typed_entry(t.op.value, t.task.cpu, t.machine.layout.online_cpus)


def typed_map(t: Turn) -> Outcome | None:
    """``kmap_atomic(page, type)``."""
    if t.op.page >= len(t.machine.pages) or t.op.reg >= REGISTERS or not known_type(t.op.value):
        return None
    if t.machine.direct[t.op.page]:
        return map_lowmem(t, t.task, "typed-window.map.lowmem")
    index = _typed_index(t)
    if index in t.state.windows or index not in t.machine.watched:
        return None
    after = filled(t, index, t.machine.window_pte(t.op), t.task, t.state.depths)
    return mapped(t, after, index, "typed-window.map")


def typed_unmap(t: Turn) -> Outcome | None:
    """``kunmap_atomic(address, type)`` of a mapping of this type."""
    address = address_of(t)
    if not known_type(t.op.value):
        return None
    index = _typed_index(t)
    if index not in t.state.windows or address & PAGE_MASK != t.machine.layout.fixaddr(index):
        return None
    return outcome(t, cleared(t, index, t.task, t.state.depths), "typed-window.unmap", entry=index)
