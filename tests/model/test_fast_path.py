"""The fast path beside the full step, kind by kind: in each state of a walk, many operations are asked of both."""

from random import Random

import pytest

from harness.model.machine import REGISTERS
from harness.model.operation import NO_PAGE, Base, OpCode, Operation, Prot
from harness.model.plain import plain
from harness.model.state import empty_snapshot, initial
from harness.model.step import step
from tests.model.kinds import LAYOUTS, of_kind

MAPS = (
    OpCode.KMAP_ATOMIC, OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN, OpCode.KMAP_LOCAL, OpCode.KMAP_LOCAL_PROT,
    OpCode.KMAP_LOCAL_PFN, OpCode.IOMAP, OpCode.TYPED_MAP,
)  # fmt: skip
UNMAPS = (OpCode.KUNMAP_ATOMIC, OpCode.KUNMAP_LOCAL, OpCode.IOUNMAP, OpCode.TYPED_UNMAP)
KMAPS = (OpCode.KMAP, OpCode.KMAP, OpCode.KUNMAP, OpCode.FLUSH_UNUSED)
ACCESSES = (OpCode.READ, OpCode.WRITE)
CONTEXTS = (
    OpCode.NOP, OpCode.PAGE_ADDRESS, OpCode.SLEEP, OpCode.YIELD, OpCode.HARDIRQ, OpCode.SOFTIRQ,
    OpCode.PREEMPT_OFF, OpCode.PREEMPT_ON, OpCode.IRQ_OFF, OpCode.IRQ_ON,
)  # fmt: skip
SUMS = ((MAPS, 6), (UNMAPS, 5), (KMAPS, 5), (ACCESSES, 5), (CONTEXTS, 4), (tuple(OpCode), 1))
VALUES = {
    OpCode.SLEEP: (0, 1000, 1_000_000, 1_000_001),
    OpCode.WRITE: (1, 0xFFFF_FFFF),
    OpCode.TYPED_MAP: (0, 1, 12, 13, 0x100, 0x112, 0x113),
    OpCode.TYPED_UNMAP: (0, 1, 12, 13, 0x100, 0x112, 0x113),
    OpCode.HARDIRQ: (0, 1, 2, 3),
    OpCode.SOFTIRQ: (0, 1, 2, 3),
}
WALKS, STATES, ASKED = 8, 25, 12


def operation(rng, machine, state):
    """Any operation, of the task whose turn it is rather than others; its operands are mostly there, or just not."""
    codes = rng.choices([codes for codes, _ in SUMS], [weight for _, weight in SUMS])[0]
    code, spinning = rng.choice(codes), state.spinning
    tasks = rng.choices(range(len(machine.tasks) + 1), (9, 4, 5, 1, 0.2))[0]
    return Operation(
        code,
        task=spinning[0] if spinning and rng.random() < 0.8 else tasks,
        page=rng.choices((0, 1, 2, 3, 4, 5, NO_PAGE), (5, 5, 3, 3, 4, 0.4, 0.4))[0],
        reg=rng.choices((1, 2, 3, REGISTERS - 1, REGISTERS), (6, 6, 4, 0.4, 0.4))[0],
        prot=rng.choice(tuple(Prot)),
        base=rng.choices(tuple(Base), (30, 1, 1, 1, 1))[0],
        offset=rng.choice((0, 0, 0, 0, 4, 6, 0xFFC, 0x1000, 0xFFFF_F000)),
        value=rng.choice(VALUES.get(code, (0, 1, 2))),
    )


def asked(machine, state, op):
    """The outcomes of step, and whether the fast path says something; if so, it says the same."""
    outcomes, one = step(machine, state, op), plain(machine, state, op)
    assert one is None or outcomes == (one,), (op, one, outcomes)
    return outcomes, one is not None


def walk(rng, machine):
    """States one after the other, in each of which some operations are asked; how many of them were plain."""
    state, plainly = initial(machine, empty_snapshot(machine)), 0
    for _ in range(STATES):
        reached = [state]
        for _ in range(ASKED):
            outcomes, fast = asked(machine, state, operation(rng, machine, state))
            plainly += fast
            reached += [one.state for one in outcomes if fast or rng.random() < 0.1]
        moved = [
            other
            for other in reached
            if other != state and not (other.lost or other.locked or other.tampered)
        ]
        state = rng.choice(moved or reached)
    return plainly


@pytest.mark.judges("plain")
@pytest.mark.parametrize("kind", LAYOUTS)
def test_in_every_state_of_a_walk(kind):
    machine, rng = of_kind(kind), Random(f"{kind} 5")
    plainly = sum(walk(rng, machine) for _ in range(WALKS))
    assert plainly > WALKS * STATES * ASKED // 7
