"""The fast path: frequent operations that can have one outcome only, taken without a draft.

``plain`` returns the outcome that ``step`` would return, or None if anything unusual is in the
way: another task in an atomic section, an old translation in a TLB, a PTE set by hand, tasks
to be woken, a BUG.  ``step`` is the rule; tests on all explored states and on random programs
show that both say the same (tests/model/test_plain.py).
"""

from collections.abc import Sequence

from harness.model.fast import fast_pkmap, fast_typed, fast_window
from harness.model.fast.turn import (
    PlainRule,
    Turn,
    address_of,
    outcome,
    page_address,
    pte_at,
)
from harness.model.records import vector
from harness.model.records.km_type import typed_owner
from harness.model.records.layout import (
    FRAME_MASK,
    PAGE_MASK,
    PAGE_SHIFT,
    PAGE_SIZE,
    PTE_PRESENT,
    PTE_RW,
    UNBOUND,
    Generation,
)
from harness.model.records.machine import SLEEP_MAX, Machine
from harness.model.records.operation import OpCode, Operation
from harness.model.records.outcome import Outcome
from harness.model.records.state import Context, Phase, State, TaskState, new
from harness.model.rules.step import step

_WORD = 4
_WRITE = OpCode.WRITE
_HARDIRQ = OpCode.HARDIRQ
_SLEEP = OpCode.SLEEP
_READY = Phase.READY
_NO_PTES: tuple[int, ...] = ()


def _idle(t: Turn) -> Outcome:
    """NOP."""
    return outcome(t, t.state, "nop")


def _page_address(t: Turn) -> Outcome | None:
    """``page_address``."""
    hidden = t.machine.layout.rt and not t.task.may_lock_on_rt
    if t.op.page >= len(t.machine.pages) or hidden:
        return None
    address = page_address(t.machine, t.state, t.op.page)
    rule = "page-address.mapped" if address else "page-address.none"
    return outcome(t, t.state, rule, value=address, pte=pte_at(t.machine, t.state, address))


# -- loads and stores -------------------------------------------------------------------


def _own(t: Turn, address: int) -> bool:
    """Tell whether *address* is in a window of the task's own CPU.

    A look into another CPU's window leaves a translation in the TLB.
    """
    machine, layout = t.machine, t.machine.layout
    if machine.window_low <= address < machine.window_high + PAGE_SIZE:
        if layout.windows:
            return machine.window_owner(layout.fixindex(address)) == t.task.cpu
        entry = (machine.window_high - (address & PAGE_MASK)) >> PAGE_SHIFT
        return entry // layout.window == t.task.cpu
    return (
        layout.in_typed(address)
        and typed_owner(layout.fixindex(address), layout.online_cpus) == t.task.cpu
    )


def _translation(t: Turn, address: int) -> tuple[int, int]:
    """PTE of *address*, and the PTE that translates it (0 if the fast path cannot tell)."""
    layout, shown = t.machine.layout, pte_at(t.machine, t.state, address)
    if layout.in_pkmap(address):
        return shown, shown
    if layout.page_offset <= address < layout.high_memory:
        return shown, ((address - layout.page_offset) & FRAME_MASK) | PTE_PRESENT | PTE_RW
    return shown, shown if _own(t, address) else 0


def _access(t: Turn) -> Outcome | None:
    """READ and WRITE of an aligned word of a page of ours that may be read and written so."""
    state, address = t.state, address_of(t)
    shown, pte = _translation(t, address)
    page = t.machine.ids.get((pte & FRAME_MASK) >> PAGE_SHIFT)
    write = t.op.code is _WRITE
    needed = PTE_PRESENT | PTE_RW if write else PTE_PRESENT
    if address % _WORD or page is None or pte & needed != needed:
        return None
    words, offset = vector.get(state.memory, page), address % PAGE_SIZE
    if not write:
        return outcome(t, state, "read", value=words.get(offset, 0), pte=shown)
    after = state.with_memory(page, {**words, offset: t.op.value})
    return outcome(t, after, "write", pte=shown)


# -- contexts ---------------------------------------------------------------------------


def _interrupt(t: Turn) -> Outcome | None:
    """HARDIRQ and SOFTIRQ: seen before the interrupt begins."""
    hard, task = t.op.code is _HARDIRQ, t.task
    if task.contexts or task.irqs_off or not t.op.value or (t.machine.layout.rt and task.preempt):
        return None
    opened = Context(hard, t.op.value, task.irqs_off)
    seen = outcome(t, t.state, "context.hardirq" if hard else "context.softirq")
    inside = t.state.alone_with_task(t.op.task, task.with_contexts((opened,), irqs_off=hard))
    return seen._replace(state=inside)


def _sleep(t: Turn) -> Outcome | None:
    """SLEEP and YIELD: there and back, the window as it was; only a sleep is known to flush it."""
    if t.task.atomic or t.op.value > SLEEP_MAX:
        return None
    rule = "context.sleep" if t.op.code is _SLEEP else "context.yield"
    if not t.machine.local or not t.task.depth:
        return outcome(t, t.state, rule)
    entries, ptes = t.task.live_entries(t.machine.layout, t.machine.increment)
    if any(t.state.windows.get(index) != pte for index, pte in zip(entries, ptes, strict=True)):
        return None
    found = outcome(t, t.state, rule + "-mapped")
    if t.op.code is not _SLEEP:
        return found
    last = t.machine.layout.fixaddr(entries[-1])
    return found._replace(
        observation=found.observation._replace(invlpgs=len(entries), invlpg_address=last)
    )


# -- which rule, and whether it may be asked --------------------------------------------

_COMMON: dict[OpCode, PlainRule] = {
    OpCode.NOP: _idle,
    OpCode.PAGE_ADDRESS: _page_address,
    OpCode.KMAP: fast_pkmap.kmap,
    OpCode.KUNMAP: fast_pkmap.kunmap,
    OpCode.READ: _access,
    OpCode.WRITE: _access,
    OpCode.FLUSH_UNUSED: fast_pkmap.flush_unused,
    OpCode.HARDIRQ: _interrupt,
    OpCode.SOFTIRQ: _interrupt,
    OpCode.SLEEP: _sleep,
    OpCode.YIELD: _sleep,
    OpCode.TYPED_MAP: fast_window.typed_map,
    OpCode.TYPED_UNMAP: fast_window.typed_unmap,
}

_LOCAL = {**_COMMON, **fast_window.LOCAL}
_OTHERS = {
    Generation.TYPED: {**_COMMON, **fast_typed.TYPED},
    Generation.STACK: {**_COMMON, **fast_window.STACK},
}


def _undisturbed(state: State, number: int) -> bool:
    """Tell whether only task *number* can run now, on one known CPU, and nothing is unusual."""
    if state.lost or state.tampered or state.locked or state.stale or state.user:
        return False
    tasks = state.tasks
    if number >= len(tasks):
        return False
    phase, _, allowed, _, _, preempt, _, _, irqs_off, contexts, _, _, armed, going = tasks[number]
    if phase is not _READY or allowed == UNBOUND or armed is not None or going >= 0:
        return False
    if state.waiting and any(tasks[other].phase is Phase.WOKEN for other in state.waiting):
        return False
    if contexts and not irqs_off and any(context.hard for context in contexts):
        return False
    return state.spinning == ((number,) if preempt > 0 or irqs_off or contexts else ())


def _switched(
    machine: Machine, state: State, op: Operation, going: TaskState | None
) -> Turn | None:
    """The turn of *op*'s task after a switch from *going*, whose entries leave the windows.

    None if an entry of either was never filled.
    """
    windows, coming = state.windows.copy(), state.tasks[op.task]
    layout, step = machine.layout, machine.increment
    out: Sequence[int] = ()
    gone = _NO_PTES
    if going and going.phase is _READY:
        out, gone = going.live_entries(layout, step)
    back, ptes = coming.live_entries(layout, step)
    if 0 in gone or 0 in ptes:
        return None
    for index in out:
        windows.pop(index, None)
    windows.update(zip(back, ptes, strict=True))
    touched = tuple(sorted({*out, *back}))
    return Turn(machine, state, state.switched_to(op.task, windows), op, coming, touched)


def _arrive(machine: Machine, state: State, op: Operation) -> Turn | None:
    """*op* with its task on its CPU; None where a switch ends an interrupt or warns."""
    going = state.tasks[state.current] if state.current >= 0 else None
    coming = state.tasks[op.task]
    if going and going.atomic:
        return None
    if machine.local and (coming.depth or (going and going.depth)):
        return _switched(machine, state, op, going)
    return Turn(machine, state, state.switched_to(op.task, state.windows), op, coming, ())


def plain(machine: Machine, state: State, op: Operation) -> Outcome | None:
    """The only outcome of *op*, or None if the fast path cannot tell."""
    rules = _LOCAL if machine.local else _OTHERS[machine.layout.generation]
    rule = rules.get(op.code)
    number = op.task
    if rule is None or op.code in machine.missing or not _undisturbed(state, number):
        return None
    if state.current != number:
        turn = _arrive(machine, state, op)
        return rule(turn) if turn else None
    return rule(new(Turn, (machine, state, state, op, state.tasks[number], ())))


def allowed(machine: Machine, state: State, op: Operation) -> tuple[Outcome, ...]:
    """All allowed outcomes of *op*: the same as those of ``step``, mostly faster."""
    one = plain(machine, state, op)
    return (one,) if one else step(machine, state, op)
