"""Fast path of pkmap: kmap that finds a slot, kunmap that wakes nobody, the flush.

The rules are those of ``rules/pkmap.py`` where nobody sleeps and nothing goes wrong.
"""

from harness.model.fast.turn import (
    Turn,
    map_lowmem,
    outcome,
    pte_at,
)
from harness.model.records import vector
from harness.model.records.layout import FRAME_MASK, PAGE_SHIFT
from harness.model.records.machine import HELD, REGISTERS, Machine
from harness.model.records.observation import UNCLAIMED, SlotChange
from harness.model.records.outcome import Outcome
from harness.model.records.state import Slot, State, lowest, new

_FREE = Slot(0, 0)


def kmap(t: Turn) -> Outcome | None:
    """``kmap`` of a lowmem page, of one that is mapped, or into a free slot above the cursor."""
    op, task, state = t.op, t.task, t.state
    if op.page >= len(t.machine.pages) or op.reg >= REGISTERS or task.preempt >= HELD:
        return None
    if task.irqs_off or task.contexts:
        return None
    if t.machine.direct[op.page]:
        return map_lowmem(t, task, "kmap.lowmem")
    address = vector.get(state.where, op.page)
    if address:
        return _kmap_again(t, t.machine.layout.pkmap_slot(address), address)
    above = state.zeros >> (state.cursor + 1)
    if above:
        return _kmap_new(t, state, state.cursor + 1 + lowest(above), "kmap.above")
    return _kmap_flushed(t) if state.ones and not task.preempt else None


def _kmap_again(t: Turn, slot: int, address: int) -> Outcome | None:
    """One user more of *slot*."""
    state = t.state
    count, pte = vector.get(state.slots, slot)
    if count < 1:
        return None
    held: Slot = new(Slot, (count + 1, pte))
    registers = vector.put(state.registers, t.op.reg, address)
    after = state.with_pkmap(state.cursor, slot, held, state.where, registers)
    rule = "kmap.revive" if count == 1 else "kmap.shared"
    changes = _slot_change(t, slot, count + 1, pte, address)
    return outcome(t, after, rule, value=address, pte=pte, slots=changes)


def _kmap_new(t: Turn, state: State, slot: int, rule: str) -> Outcome:
    """A new mapping in *slot* of *state*, where it is free."""
    op, address, pte = t.op, t.machine.layout.pkmap_address(slot), t.machine.ptes[t.op.page]
    held: Slot = new(Slot, (2, pte))
    where = vector.put(state.where, op.page, address)
    registers = vector.put(state.registers, op.reg, address)
    after = state.with_pkmap(slot, slot, held, where, registers)
    return outcome(
        t, after, rule, value=address, pte=pte, slots=_slot_change(t, slot, 2, pte, address)
    )


def _kmap_flushed(t: Turn) -> Outcome:
    """A new mapping in the first free slot of all, after a flush of those that are unused."""
    unused = _unused(t.state)
    flushed = _cleared(t.machine, t.state, unused)
    slot = lowest(flushed.zeros)
    found = _kmap_new(t, flushed, slot, "kmap.wrap-flushed")
    others = [new(SlotChange, (one, 0, 0, 0)) for one in unused if one != slot]
    seen = found.observation
    seen = seen._replace(
        slots=(*seen.slots, *others),
        flush_scans=1,
        flush_ranges=1,
        flush_cpus=t.machine.layout.online_cpus,
    )
    return found._replace(observation=seen)


def _slot_change(t: Turn, slot: int, count: int, pte: int, address: int) -> tuple[SlotChange]:
    """The change of *slot*, which maps the operation's page at *address*."""
    allowed = not t.machine.layout.rt or t.task.may_lock_on_rt
    return (new(SlotChange, (slot, count, pte, address if allowed else 0)),)


def kunmap(t: Turn) -> Outcome | None:
    """``kunmap`` that wakes nobody."""
    machine, page = t.machine, t.op.page
    if page >= len(machine.pages) or t.task.contexts:
        return None
    direct = machine.direct[page]
    if direct:
        return outcome(t, t.state, "kunmap.lowmem", pte=pte_at(machine, t.state, direct))
    address = vector.get(t.state.where, page)
    return _kunmap_slot(t, machine.layout.pkmap_slot(address), address) if address else None


def _kunmap_slot(t: Turn, slot: int, address: int) -> Outcome | None:
    """One user less of *slot*."""
    state = t.state
    count, pte = vector.get(state.slots, slot)
    last = count == 2
    if count < 2 or (last and state.waiting):
        return None
    held: Slot = new(Slot, (count - 1, pte))
    after = state.with_pkmap(state.cursor, slot, held, state.where, state.registers)
    rule = "kunmap.last" if last else "kunmap.shared"
    shown = pte if (not t.machine.layout.rt or t.task.may_lock_on_rt) else 0
    return outcome(t, after, rule, pte=shown, slots=_slot_change(t, slot, count - 1, pte, address))


def _unused(state: State) -> list[int]:
    """Slots whose count is 1, in order."""
    return [slot for slot, digit in enumerate(reversed(f"{state.ones:b}")) if digit == "1"]


def _cleared(machine: Machine, state: State, unused: list[int]) -> State:
    """*state* with the slots *unused* free, and the addresses of their pages forgotten."""
    slots, where, pages = (
        list(vector.items(state.slots)),
        list(vector.items(state.where)),
        machine.ids,
    )
    for slot in unused:
        page = pages.get((slots[slot].pte & FRAME_MASK) >> PAGE_SHIFT)
        slots[slot] = _FREE
        if page is not None:
            where[page] = 0
    return state.with_unused_flushed(vector.build(slots), vector.build(where))


def flush_unused(t: Turn) -> Outcome | None:
    """FLUSH_UNUSED with something to flush."""
    if t.task.atomic or not t.state.ones:
        return None
    unused = _unused(t.state)
    after = _cleared(t.machine, t.state, unused)
    changes = tuple([new(SlotChange, (slot, 0, 0, 0)) for slot in unused])
    found = outcome(t, after, "flush-unused.some", slots=changes)
    seen = found.observation._replace(flush_scans=1, flush_ranges=1, flush_cpus=UNCLAIMED)
    return found._replace(observation=seen)
