"""Plain steps in the windows: mapping into an entry that is free, unmapping the newest mapping.

The rules are those of ``local.py``, ``stack.py`` and ``typed_window.py`` where nothing goes wrong.
"""

from collections.abc import Callable

from harness.model import vector
from harness.model.draft import PAGE_MASK
from harness.model.km_type import known_type, typed_entry
from harness.model.machine import HELD, REGISTERS, Machine
from harness.model.observation import SavedChange
from harness.model.operation import OpCode
from harness.model.outcome import Outcome
from harness.model.plain_turn import Turn, address_of, map_lowmem, outcome, pte_at, with_task
from harness.model.state import State, TaskState

WindowRule = Callable[[Turn], Outcome | None]

_ATOMIC = frozenset(
    {OpCode.KMAP_ATOMIC, OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN, OpCode.KUNMAP_ATOMIC}
)
_PFN = frozenset({OpCode.KMAP_ATOMIC_PFN, OpCode.KMAP_LOCAL_PFN, OpCode.IOMAP})


def _counted(machine: Machine, task: TaskState, by: int) -> TaskState:
    """What kmap_atomic (*by* 1) and kunmap_atomic (-1) do beside mapping (``bookkeeping.py``)."""
    if machine.layout.rt:
        return task._replace(pagefault=task.pagefault + by, migrate=task.migrate + by)
    return task._replace(pagefault=task.pagefault + by, preempt=task.preempt + by)


def _mappable(t: Turn) -> bool:
    """Whether the module lets the operation map."""
    return t.op.page < len(t.machine.pages) and t.op.reg < REGISTERS and t.task.preempt < HELD


def _filled(t: Turn, index: int, task: TaskState, **others: object) -> State:
    """The state with entry *index*, which is free, mapping the page, *task* and *others*."""
    return with_task(
        t.state,
        t.op.task,
        task,
        windows={**t.state.windows, index: t.machine.window_pte(t.op)},
        registers=vector.put(t.state.registers, t.op.reg, t.machine.layout.fixaddr(index)),
        **others,
    )


def _cleared(t: Turn, index: int, task: TaskState, **others: object) -> State:
    """The state without entry *index*, with *task* and *others*."""
    windows = t.state.windows.copy()
    del windows[index]
    return with_task(t.state, t.op.task, task, windows=windows, **others)


def _mapped(t: Turn, after: State, index: int, rule: str, saved: tuple[SavedChange, ...] = ()) -> Outcome:
    """Entry *index* maps the page; its address is returned."""
    address = t.machine.layout.fixaddr(index)
    return outcome(t, after, rule, value=address, pte=after.windows[index], entry=index, saved=saved)


def _in_window(machine: Machine, address: int) -> bool:
    return machine.window_low <= address & PAGE_MASK <= machine.window_high


def _outside(t: Turn, left: TaskState, rule: str, address: int) -> Outcome:
    """Unmapping an address beside the windows does nothing to them."""
    after = with_task(t.state, t.op.task, left)
    return outcome(t, after, rule + ".outside", pte=pte_at(t.machine, after, address))


# -- the local generation ---------------------------------------------------------------


def _local_rule(t: Turn, verb: str) -> str:
    return ("atomic." if t.op.code in _ATOMIC else "local.") + verb


def _local_map(t: Turn) -> Outcome | None:
    """``__kmap_local_page_prot`` and ``__kmap_local_pfn_prot``."""
    if not _mappable(t):
        return None
    pfn = t.op.code in _PFN
    rule = _local_rule(t, "map-pfn" if pfn else "map")
    task = _counted(t.machine, t.task, 1) if t.op.code in _ATOMIC else t.task
    if pfn or t.machine.layout.force_map or t.machine.pages[t.op.page].highmem:
        return _local_push(t, task, rule)
    return map_lowmem(t, task, rule + ".lowmem")


def _local_push(t: Turn, task: TaskState, rule: str) -> Outcome | None:
    """Into the next entry of the task's stack, if there is one and nothing is in it."""
    depth = task.depth + t.machine.increment
    index = t.machine.layout.window_index(task.cpu, depth - 1)
    if depth >= t.machine.layout.window or index in t.state.windows:
        return None
    pte, entry = t.machine.window_pte(t.op), depth - 1
    saved = vector.replaced(task.saved, entry, pte)
    pushed = task._replace(depth=depth, saved=saved, migrate=task.migrate + 1)
    changes = (SavedChange(entry, pte),) if task.saved[entry] != pte else ()
    rule += ".nested" if task.depth else ".first"
    return _mapped(t, _filled(t, index, pushed), index, rule, changes)


def _local_unmap(t: Turn) -> Outcome | None:
    """``kunmap_local_indexed``: migration enabled once too often is not plain."""
    address = address_of(t)
    popped = t.task
    if _in_window(t.machine, address):
        popped = popped._replace(depth=popped.depth - t.machine.increment, migrate=popped.migrate - 1)
    left = _counted(t.machine, popped, -1) if t.op.code in _ATOMIC else popped
    rule = _local_rule(t, "unmap")
    if not address or left.migrate < 0:
        return None
    if popped is not t.task:
        return _local_pop(t, left, rule, address & PAGE_MASK)
    if t.machine.layout.force_map:
        return None
    return _outside(t, left, rule, address)


def _local_pop(t: Turn, left: TaskState, rule: str, page: int) -> Outcome | None:
    """The newest mapping of the task, which is then as *left*."""
    entry = t.task.depth - 1
    index = t.machine.layout.window_index(left.cpu, entry)
    if left.depth < 0 or index not in t.state.windows or page != t.machine.layout.fixaddr(index):
        return None
    saved = vector.replaced(left.saved, entry, 0)
    after = _cleared(t, index, left._replace(saved=saved))
    changes = (SavedChange(entry, 0),) if left.saved[entry] else ()
    return outcome(t, after, rule, invlpg=page, entry=index, saved=changes)


LOCAL: dict[OpCode, WindowRule] = {
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
    if not _mappable(t):
        return None
    pfn, cpu = t.op.code in _PFN, t.task.cpu
    rule = "atomic.map-pfn" if pfn else "atomic.map"
    inside = _counted(t.machine, t.task, 1)
    if not pfn and not t.machine.pages[t.op.page].highmem:
        return map_lowmem(t, inside, rule + ".lowmem")
    slot = t.state.depths[cpu]
    index = t.machine.layout.window_index(cpu, slot)
    if not 0 <= slot < t.machine.layout.window or index in t.state.windows:
        return None
    after = _filled(t, index, inside, depths=_depths(t.state, cpu, slot + 1))
    return _mapped(t, after, index, rule + (".nested" if slot else ".first"))


def _stack_unmap(t: Turn) -> Outcome | None:
    """``kunmap_atomic`` and ``iounmap_atomic``."""
    address = address_of(t)
    left = _counted(t.machine, t.task, -1)
    if not address or left.migrate < 0:
        return None
    if _in_window(t.machine, address):
        return _stack_pop(t, left, address & PAGE_MASK)
    return None if t.machine.layout.debug_highmem else _outside(t, left, "atomic.unmap", address)


def _stack_pop(t: Turn, left: TaskState, page: int) -> Outcome | None:
    """The newest mapping of the CPU."""
    slot = t.state.depths[left.cpu] - 1
    index = t.machine.layout.window_index(left.cpu, slot)
    if slot < 0 or index not in t.state.windows or page != t.machine.layout.fixaddr(index):
        return None
    after = _cleared(t, index, left, depths=_depths(t.state, left.cpu, slot))
    return outcome(t, after, "atomic.unmap", invlpg=page, entry=index)


STACK: dict[OpCode, WindowRule] = {
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
    if not t.machine.pages[t.op.page].highmem:
        return map_lowmem(t, t.task, "typed-window.map.lowmem")
    index = _typed_index(t)
    if index in t.state.windows or index not in t.machine.watched:
        return None
    return _mapped(t, _filled(t, index, t.task), index, "typed-window.map")


def typed_unmap(t: Turn) -> Outcome | None:
    """``kunmap_atomic(address, type)`` of a mapping of this type."""
    address = address_of(t)
    if not address or not known_type(t.op.value):
        return None
    index = _typed_index(t)
    if index not in t.state.windows or address & PAGE_MASK != t.machine.layout.fixaddr(index):
        return None
    return outcome(t, _cleared(t, index, t.task), "typed-window.unmap", entry=index)
