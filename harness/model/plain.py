"""Plain steps: frequent operations that can have one outcome only, taken without a draft.

``plain`` answers what ``step`` would, or None where anything out of the ordinary is in the
way: another task in an atomic section, an old translation in a TLB, a PTE set by hand, slots
to be flushed, tasks to be woken, a BUG.  ``step`` is the rule; that both say the same is shown
by test on all explored states and on random programs (tests/model/test_plain.py).
"""

from collections.abc import Callable

from harness.model import plain_flush, plain_window, vector
from harness.model.draft import PAGE_MASK
from harness.model.km_type import typed_owner
from harness.model.layout import FRAME_MASK, PAGE_SHIFT, PAGE_SIZE, PTE_PRESENT, PTE_RW, Generation
from harness.model.machine import HELD, REGISTERS, SLEEP_MAX, UNBOUND, Machine
from harness.model.observation import SlotChange
from harness.model.operation import OpCode, Operation
from harness.model.outcome import Outcome
from harness.model.pkmap import lowest
from harness.model.plain_turn import (
    Turn,
    address_of,
    map_lowmem,
    outcome,
    page_address,
    page_address_allowed,
    pte_at,
    with_task,
)
from harness.model.state import Context, Phase, Slot, State, TaskState
from harness.model.step import step

PlainRule = Callable[[Turn], Outcome | None]

_WORD = 4
_WRITE = OpCode.WRITE
_HARDIRQ = OpCode.HARDIRQ
_SLEEP = OpCode.SLEEP
_READY = Phase.READY


def _idle(t: Turn) -> Outcome:
    """NOP."""
    return outcome(t, t.state, "nop")


def _page_address(t: Turn) -> Outcome | None:
    """``page_address``."""
    if t.op.page >= len(t.machine.pages) or not page_address_allowed(t.machine, t.task):
        return None
    address = page_address(t.machine, t.state, t.op.page)
    rule = "page-address.mapped" if address else "page-address.none"
    return outcome(t, t.state, rule, value=address, pte=pte_at(t.machine, t.state, address))


# -- pkmap ------------------------------------------------------------------------------


def _kmap(t: Turn) -> Outcome | None:
    """``kmap`` of a lowmem page, of one that is mapped, or into a free slot above the cursor."""
    op, task, state = t.op, t.task, t.state
    if op.page >= len(t.machine.pages) or op.reg >= REGISTERS or task.preempt >= HELD:
        return None
    if task.irqs_off or task.contexts:
        return None
    if not t.machine.pages[op.page].highmem:
        return map_lowmem(t, task, "kmap.lowmem")
    address = vector.get(state.where, op.page)
    if address:
        return _kmap_again(t, t.machine.layout.pkmap_slot(address), address)
    above = state.zeros >> (state.cursor + 1)
    return _kmap_above(t, state.cursor + 1 + lowest(above)) if above else None


def _kmap_again(t: Turn, slot: int, address: int) -> Outcome | None:
    """One user more of *slot*."""
    state = t.state
    count, pte = vector.get(state.slots, slot)
    if count < 1:
        return None
    after = state._replace(
        ones=state.ones & ~(1 << slot),
        slots=vector.put(state.slots, slot, Slot(count + 1, pte)),
        registers=vector.put(state.registers, t.op.reg, address),
    )
    rule = "kmap.revive" if count == 1 else "kmap.shared"
    return outcome(t, after, rule, value=address, pte=pte, slots=_slot_change(t, after, slot))


def _kmap_above(t: Turn, slot: int) -> Outcome:
    """A new mapping in *slot*."""
    state = t.state
    address, pte = t.machine.layout.pkmap_address(slot), t.machine.ptes[t.op.page]
    after = state._replace(
        cursor=slot,
        zeros=state.zeros & ~(1 << slot),
        slots=vector.put(state.slots, slot, Slot(2, pte)),
        where=vector.put(state.where, t.op.page, address),
        registers=vector.put(state.registers, t.op.reg, address),
    )
    return outcome(t, after, "kmap.above", value=address, pte=pte, slots=_slot_change(t, after, slot))


def _slot_change(t: Turn, after: State, slot: int) -> tuple[SlotChange]:
    """The change of *slot*, which maps the operation's page."""
    count, pte = vector.get(after.slots, slot)
    allowed = page_address_allowed(t.machine, t.task)
    return (SlotChange(slot, count, pte, page_address(t.machine, after, t.op.page) if allowed else 0),)


def _kunmap(t: Turn) -> Outcome | None:
    """``kunmap`` that wakes nobody."""
    page = t.op.page
    if page >= len(t.machine.pages) or t.task.contexts:
        return None
    if not t.machine.pages[page].highmem:
        shown = pte_at(t.machine, t.state, t.machine.direct[page])
        return outcome(t, t.state, "kunmap.lowmem", pte=shown)
    address = vector.get(t.state.where, page)
    return _kunmap_slot(t, t.machine.layout.pkmap_slot(address)) if address else None


def _kunmap_slot(t: Turn, slot: int) -> Outcome | None:
    """One user less of *slot*."""
    state = t.state
    count, pte = vector.get(state.slots, slot)
    last = count == 2
    if count < 2 or (last and state.waiting):
        return None
    after = state._replace(
        ones=state.ones | 1 << slot if last else state.ones,
        slots=vector.put(state.slots, slot, Slot(count - 1, pte)),
    )
    rule = "kunmap.last" if last else "kunmap.shared"
    shown = pte if page_address_allowed(t.machine, t.task) else 0
    return outcome(t, after, rule, pte=shown, slots=_slot_change(t, after, slot))


# -- loads and stores -------------------------------------------------------------------


def _own(t: Turn, address: int) -> bool:
    """Whether *address* is in a window of the task's CPU: looking into another's leaves something in the TLB."""
    machine, layout = t.machine, t.machine.layout
    if machine.window_low <= address < machine.window_high + PAGE_SIZE:
        entry = (machine.window_high - (address & PAGE_MASK)) >> PAGE_SHIFT
        return entry // layout.window == t.task.cpu
    return (
        layout.in_typed(address) and typed_owner(layout.fixindex(address), layout.online_cpus) == t.task.cpu
    )


def _translation(t: Turn, address: int, shown: int) -> int:
    """PTE by which *address*, whose PTE is *shown*, is translated; 0 where that is not plain."""
    layout = t.machine.layout
    if layout.page_offset <= address < layout.high_memory:
        return ((address - layout.page_offset) & FRAME_MASK) | PTE_PRESENT | PTE_RW
    return shown if layout.in_pkmap(address) or _own(t, address) else 0


def _access(t: Turn) -> Outcome | None:
    """READ and WRITE of an aligned word of a page of ours that may be read and written so."""
    address = address_of(t)
    shown = pte_at(t.machine, t.state, address)
    pte = _translation(t, address, shown)
    page = t.machine.ids.get((pte & FRAME_MASK) >> PAGE_SHIFT)
    write = t.op.code is _WRITE
    needed = PTE_PRESENT | PTE_RW if write else PTE_PRESENT
    if address % _WORD or page is None or pte & needed != needed:
        return None
    words, offset = vector.get(t.state.memory, page), address % PAGE_SIZE
    if not write:
        return outcome(t, t.state, "read", value=words.get(offset, 0), pte=shown)
    memory = vector.put(t.state.memory, page, {**words, offset: t.op.value})
    return outcome(t, t.state._replace(memory=memory), "write", pte=shown)


# -- contexts ---------------------------------------------------------------------------


def _stack(machine: Machine, task: TaskState) -> tuple[range, tuple[int, ...]]:
    """Window entries of *task* while it runs, and their PTEs (``local.live_entries``)."""
    step, first = machine.increment, machine.layout.window_index(task.cpu, 0)
    depth = min(max(task.depth, 0), len(task.saved))
    return range(first + step - 1, first + depth, step), task.saved[step - 1 : depth : step]


def _interrupt(t: Turn) -> Outcome | None:
    """HARDIRQ and SOFTIRQ: seen before the interrupt begins."""
    hard, task = t.op.code is _HARDIRQ, t.task
    if task.contexts or task.irqs_off or not t.op.value or (t.machine.layout.rt and task.preempt):
        return None
    opened = Context(hard, t.op.value, task.irqs_off)
    seen = outcome(t, t.state, "context.hardirq" if hard else "context.softirq")
    inside = with_task(t.state, t.op.task, task._replace(contexts=(opened,), irqs_off=hard))
    return seen._replace(state=inside)


def _sleep(t: Turn) -> Outcome | None:
    """SLEEP and YIELD: there and back, the window as it was; only a sleep is known to flush it."""
    if t.task.atomic or t.op.value > SLEEP_MAX:
        return None
    rule = "context.sleep" if t.op.code is _SLEEP else "context.yield"
    if not t.machine.local or not t.task.depth:
        return outcome(t, t.state, rule)
    entries, ptes = _stack(t.machine, t.task)
    if any(t.state.windows.get(index) != pte for index, pte in zip(entries, ptes, strict=True)):
        return None
    found = outcome(t, t.state, rule + "-mapped")
    if t.op.code is not _SLEEP:
        return found
    last = t.machine.layout.fixaddr(entries[-1])
    return found._replace(observation=found.observation._replace(invlpgs=len(entries), invlpg_address=last))


# -- which rule, and whether it may be asked --------------------------------------------

_COMMON: dict[OpCode, PlainRule] = {
    OpCode.NOP: _idle,
    OpCode.PAGE_ADDRESS: _page_address,
    OpCode.KMAP: _kmap,
    OpCode.KUNMAP: _kunmap,
    OpCode.READ: _access,
    OpCode.WRITE: _access,
    OpCode.FLUSH_UNUSED: plain_flush.flush_unused,
    OpCode.HARDIRQ: _interrupt,
    OpCode.SOFTIRQ: _interrupt,
    OpCode.SLEEP: _sleep,
    OpCode.YIELD: _sleep,
    OpCode.TYPED_MAP: plain_window.typed_map,
    OpCode.TYPED_UNMAP: plain_window.typed_unmap,
}

_LOCAL = {**_COMMON, **plain_window.LOCAL}
_OTHERS = {Generation.TYPED: _COMMON, Generation.STACK: {**_COMMON, **plain_window.STACK}}


def _undisturbed(state: State, number: int) -> bool:
    """Whether task *number* goes on alone, on the one CPU where it can be, and nothing is odd."""
    if state.lost or state.tampered or state.locked or state.stale or state.user:
        return False
    if number >= len(state.tasks):
        return False
    task = state.tasks[number]
    if task.phase is not _READY or task.allowed == UNBOUND or task.armed is not None or task.going >= 0:
        return False
    if any(state.tasks[other].phase is Phase.WOKEN for other in state.waiting):
        return False
    if task.contexts and not task.irqs_off and any(context.hard for context in task.contexts):
        return False
    return state.spinning == ((number,) if task.atomic else ())


def _switch(
    machine: Machine, state: State, going: TaskState | None, coming: TaskState
) -> dict[int, int] | None:
    """The windows with the entries of *coming* in the place of those of *going*; None if one was never filled."""
    windows = state.windows.copy()
    if going and going.phase is _READY:
        out, ptes = _stack(machine, going)
        if 0 in ptes:
            return None
        for index in out:
            windows.pop(index, None)
    back, ptes = _stack(machine, coming)
    windows.update(zip(back, ptes, strict=True))
    return None if 0 in ptes else windows


def _arrive(machine: Machine, state: State, number: int) -> State | None:
    """*state* with task *number* on its CPU; None where a switch ends an interrupt or warns."""
    going = state.tasks[state.current] if state.current >= 0 else None
    coming = state.tasks[number]
    if going and going.atomic:
        return None
    if not machine.local or not (coming.depth or (going and going.depth)):
        return state._replace(current=number)
    windows = _switch(machine, state, going, coming)
    return None if windows is None else state._replace(current=number, windows=windows)


def plain(machine: Machine, state: State, op: Operation) -> Outcome | None:
    """The only outcome of *op*, where that is plain to see; None says nothing."""
    rules = _LOCAL if machine.local else _OTHERS[machine.layout.generation]
    rule = rules.get(op.code)
    if rule is None or op.code in machine.missing or not _undisturbed(state, op.task):
        return None
    here = state if state.current == op.task else _arrive(machine, state, op.task)
    return rule(Turn(machine, state, here, op, here.tasks[op.task])) if here else None


def allowed(machine: Machine, state: State, op: Operation) -> tuple[Outcome, ...]:
    """All allowed outcomes of *op*, as ``step`` has them, faster where there is plainly one."""
    one = plain(machine, state, op)
    return (one,) if one else step(machine, state, op)
