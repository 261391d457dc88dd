"""The fast path beside the full step, kind by kind: in each state of a walk, many operations are
asked of both.
"""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from harness.model.fast.fast_path import plain
from harness.model.records.interrupt import Armed
from harness.model.records.machine import REGISTERS
from harness.model.records.operation import NO_PAGE, Base, OpCode, Operation, Prot
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import Context, Phase
from harness.model.rules.step import step
from tests.model.kinds import LAYOUTS, of_kind

MAPS = (
    OpCode.KMAP_ATOMIC, OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN, OpCode.KMAP_LOCAL,
    OpCode.KMAP_LOCAL_PROT,
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
    OpCode.TYPED_MAP: (0, 0, 0, 1, 12, 13, 0x100, 0x112, 0x113),
    OpCode.TYPED_UNMAP: (0, 0, 0, 1, 12, 13, 0x100, 0x112, 0x113),
    OpCode.HARDIRQ: (0, 1, 2, 3),
    OpCode.SOFTIRQ: (0, 1, 2, 3),
}
WALKS, STATES, ASKED = 8, 25, 12


def operation(rng, machine, state):
    """Any operation, of the task whose turn it is rather than others; its operands are mostly
    there, or just not.
    """
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
    """The outcomes of step, and that of the fast path, which is None or the same."""
    outcomes, one = step(machine, state, op), plain(machine, state, op)
    assert one is None or outcomes == (one,), (op, one, outcomes)
    return outcomes, one


def walk(rng, machine):
    """States one after the other, in each of which some operations are asked; the rules of those
    that were plain.
    """
    state = initial(machine, empty_snapshot(machine))
    for _ in range(STATES):
        reached = [state]
        for _ in range(ASKED):
            outcomes, one = asked(machine, state, operation(rng, machine, state))
            if one is not None:
                yield one.rule
            reached += [
                outcome.state for outcome in outcomes if one is not None or rng.random() < 0.1
            ]
        moved = [
            other
            for other in reached
            if other != state and not (other.lost or other.locked or other.tampered)
        ]
        state = rng.choice(moved or reached)


def walked(kind):
    """How often each rule was plain in the walks of a kind."""
    machine, rng = of_kind(kind), Random(f"{kind} 5")
    rules = Counter(rule for _ in range(WALKS) for rule in walk(rng, machine))
    return " ".join(f"{rule} {times}" for rule, times in sorted(rules.items()))


def mapped(machine):
    """A state with something in every place: pkmap slots at 1 and 2, a window mapping, a typed
    one, a full stack.
    """
    state = initial(machine, empty_snapshot(machine))
    ops = (
        Operation(OpCode.KMAP, 0, 0, 3), Operation(OpCode.KMAP, 0, 1, 4),
        Operation(OpCode.KUNMAP, 0, 1),
        Operation(OpCode.TYPED_MAP, 0, 2, 5), Operation(OpCode.KMAP_ATOMIC, 0, 2, 1),
        Operation(OpCode.KMAP_ATOMIC, 0, 3, 2, value=1),
    )  # fmt: skip
    for op in ops:
        state = step(machine, state, op)[0].state
    return state


def odd_task(**fields):
    """A change of a state: task 0 is otherwise; whether it keeps its CPU follows."""

    def change(state):
        task = state.tasks[0]._replace(**fields)
        spinning = (0,) if task.atomic else ()
        return state._replace(tasks=(task, *state.tasks[1:]), spinning=spinning)

    return change


def hard(*, irqs_off):
    return (Context(True, 2, irqs_off),)


ODD = {
    "as it is": lambda state: state,
    "63 sections deep": odd_task(preempt=63),
    "64 sections deep": odd_task(preempt=64),
    "at ease": odd_task(preempt=0, pagefault=0),
    "interrupts off": odd_task(irqs_off=True),
    "in a hardirq": odd_task(irqs_off=True, contexts=hard(irqs_off=False)),
    "in a hardirq with interrupts on": odd_task(irqs_off=False, contexts=hard(irqs_off=False)),
    "in a softirq": odd_task(contexts=(Context(False, 2, False),)),
    "in the last operation of a softirq": odd_task(
        preempt=0, contexts=(Context(False, 1, False),)
    ),
    "in the last operation of a hardirq": odd_task(
        preempt=0, irqs_off=True, contexts=(Context(True, 1, False),)
    ),
    "an interrupt is due": odd_task(armed=Armed(0, 0, 0, 1, 0)),
    "it is to go elsewhere": odd_task(preempt=0, going=1),
    "dead": odd_task(phase=Phase.DEAD, preempt=0),
    "somebody is woken": lambda state: state._replace(
        tasks=(
            state.tasks[0],
            state.tasks[1]._replace(phase=Phase.WOKEN, page=3),
            *state.tasks[2:],
        ),
        waiting=(1,),
    ),
    "somebody waits": lambda state: state._replace(
        tasks=(
            state.tasks[0],
            state.tasks[1]._replace(phase=Phase.BLOCKED, page=3),
            *state.tasks[2:],
        ),
        waiting=(1,),
    ),
    "an old translation": lambda state: state._replace(stale={(-1, 0xFF00_1000): (5,)}),
    "a PTE was set by hand": lambda state: state._replace(tampered=True),
    "the lock is lost": lambda state: state._replace(locked=True),
    "all is lost": lambda state: state._replace(lost="so"),
    "back from user mode": lambda state: state._replace(user=True),
    "another ran last": lambda state: odd_task(preempt=0)(state._replace(current=2)),
    "another keeps its CPU": lambda state: odd_task(preempt=0)(state)._replace(
        tasks=(
            odd_task(preempt=0)(state).tasks[0],
            state.tasks[1],
            state.tasks[2]._replace(preempt=1),
            state.tasks[3],
        ),
        spinning=(2,),
    ),
}


def beside(kind):
    """How many operations were plain in each odd state."""
    machine, rng = of_kind(kind), Random(f"{kind} 6")
    counts = []
    for name, change in ODD.items():
        state = change(mapped(machine))
        answers = [asked(machine, state, operation(rng, machine, state))[1] for _ in range(80)]
        counts.append(f"{name} {sum(one is not None for one in answers)}")
    return "; ".join(counts)


RECORD = Path(__file__).parent / "listed" / "plain.txt"
"""What was plain when it was last written (``python -m tests.model.test_fast_path``): less of it
costs time.
"""


@pytest.mark.judges("fast_path")
@pytest.mark.parametrize("told", [walked, beside])
@pytest.mark.parametrize("kind", LAYOUTS)
def test_the_fast_path_says_what_step_says_and_as_often_as_recorded(kind, told):
    assert f"{kind} {told.__name__}: {told(kind)}" in RECORD.read_text().splitlines()


if __name__ == "__main__":
    told = (f"{kind} {one.__name__}: {one(kind)}" for kind in LAYOUTS for one in (walked, beside))
    RECORD.write_text("\n".join(told) + "\n")
