"""What the module turns down: every operation in every circumstance, and operands that are not
there.
"""

import pytest

from harness.model.records import vector
from harness.model.records.layout import UNBOUND
from harness.model.records.machine import REGISTERS
from harness.model.records.operation import (
    KERNEL_MAPS,
    NO_PAGE,
    Base,
    OpCode,
    Operation,
    OperationFlag,
    Prot,
    operations_with,
)
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import Context, Phase
from harness.model.rules.refusal import not_started, refused, spinners
from tests.model.kinds import of_kind

MACHINE = of_kind("local")
RT = of_kind("local-rt")
LAYOUT = MACHINE.layout
LOW = 4
"""The page of lowmem."""

SOUND = {
    OpCode.ATTRIBUTE: {"prot": Prot.RO},
    OpCode.AFFINITY: {"value": 1},
    OpCode.HOTPLUG: {"value": 1},
    OpCode.INTERRUPT: {"reg": 0, "offset": 1000, "value": 1},
    OpCode.SIGNAL: {"value": 1},
}
"""Operands that are right, where those of ``sound`` are not."""


def sound(code, task=0, **operands):
    """An operation whose operands exist: page 0, a register with a pkmap address, type 0."""
    return Operation(
        code, **{"task": task, "page": 0, "reg": 1, **SOUND.get(code, {}), **operands}
    )


def state_of(machine=MACHINE, **tasks):
    """A state in which tasks, by name (``t0``), are not as at the start; those in atomic sections
    keep their CPU.
    """
    state = initial(machine, empty_snapshot(machine))
    changed = list(state.tasks)
    for name, fields in tasks.items():
        changed[int(name[1:])] = changed[int(name[1:])]._replace(**fields)
    return state._replace(
        tasks=tuple(changed),
        registers=vector.put(state.registers, 1, LAYOUT.pkmap_base),
        spinning=tuple(number for number, task in enumerate(changed) if task.atomic),
        errand=(OpCode.AFFINITY, 1),
    )


OFF = {"preempt": 1}
IRQS = {"irqs_off": True}
HARD, SOFT = ({"contexts": (Context(hard, 3, irqs_off=False),)} for hard in (True, False))

CIRCUMSTANCES = [
    ("at ease", 0, state_of()),
    ("preemption off", 0, state_of(t0=OFF)),
    ("interrupts off", 0, state_of(t0=IRQS)),
    ("in a softirq", 0, state_of(t0=SOFT)),
    ("in a hardirq", 0, state_of(t0={**HARD, **IRQS})),
    ("64 sections deep", 0, state_of(t0={"preempt": 64})),
    ("another spins on CPU 1", 0, state_of(t2=OFF)),
    ("another has interrupts off on CPU 1", 0, state_of(t2={**OFF, **IRQS})),
    ("another spins on CPU 0", 2, state_of(t0=OFF)),
]
"""The columns of the table: what is special, the task that acts (2 is bound to CPU 1), the state.
"""

TABLE = """
NOP              . . . . . . . . .
KMAP             . . R R R R . R R
KUNMAP           . . . R R . . . .
KMAP_ATOMIC      . . . . . R . . .
KMAP_ATOMIC_PROT . . . . . R . . .
KMAP_ATOMIC_PFN  . . . . . R . . .
KUNMAP_ATOMIC    . . . . . . . . .
KMAP_LOCAL       . . . . . R . . .
KMAP_LOCAL_PROT  . . . . . R . . .
KMAP_LOCAL_PFN   . . . . . R . . .
KUNMAP_LOCAL     . . . . . . . . .
IOMAP            . . . . . R . . .
IOUNMAP          . . . . . . . . .
READ             . . . . . . . . .
WRITE            . . . . . . . . .
PAGE_ADDRESS     . . . . . . . . .
KMAP_TO_PAGE     . . . . . . . . .
SET_PTE          . . . . . . . . .
FLUSH_UNUSED     . R R R R R . R R
INVLPG           . . . . . . . . .
IRQ_OFF          . . . R R . . . .
IRQ_ON           . . . R R . . . .
PREEMPT_OFF      . . . R R . . . .
PREEMPT_ON       . . . R R . . . .
SLEEP            . R R R R R . . .
YIELD            . R R R R R . . .
HARDIRQ          . . R R R . . . .
SOFTIRQ          . . R R R . . . .
EXIT             . R R R R R . R R
MIGRATE          . R R R R R R R R
TYPED_MAP        . . . . . . . . .
TYPED_UNMAP      . . . . . . . . .
SIGNAL           . . . R R . . . .
INTERRUPT        . R R R R R . . .
AFFINITY         . R R R R R R R R
HOTPLUG          . R R R R R R R R
AWAIT            . R R R R R . . .
FORK             . R R R R R . . .
USER             . R R R R R . . .
KMAP_LOCAL_FOLIO . . . . . R . . .
HELPER           . . . . . . . . .
WORKLOAD         . R R R R R R R R
ATTRIBUTE        . R R R R R R R R
"""
"""kmod/ops.c ``refused_here``; kmod/step.c ``refused_beside_spinners``."""


def marks(code):
    """A row of the table."""
    return (
        "R" if refused(MACHINE, state, sound(code, task)) else "."
        for _, task, state in CIRCUMSTANCES
    )


@pytest.mark.judges("refusal")
def test_what_is_turned_down_where():
    rows = [line.split() for line in TABLE.strip().splitlines()]
    assert [row[0] for row in rows] == [code.name for code in OpCode]
    found = [(row[0], *marks(OpCode[row[0]])) for row in rows]
    assert found == [tuple(row) for row in rows]


@pytest.mark.judges("refusal")
@pytest.mark.parametrize("machine", [MACHINE, RT], ids=["not RT", "RT"])
def test_a_softirq_of_rt_needs_a_task_that_can_be_preempted(machine):
    cases = [state_of(machine), state_of(machine, t0=OFF)]
    told = [refused(machine, state, sound(OpCode.SOFTIRQ)) for state in cases]
    assert told == [False, machine is RT]
    assert not refused(machine, state_of(machine, t0=OFF), sound(OpCode.HARDIRQ))


@pytest.mark.judges("refusal")
def test_63_sections_are_not_too_deep_to_map():
    for code in KERNEL_MAPS - {OpCode.KMAP}:
        assert not refused(MACHINE, state_of(t0={"preempt": 63}), sound(code))


def names(**operands):
    """Operations that are refused only for their operands."""
    state = state_of()
    return {code.name for code in OpCode if refused(MACHINE, state, sound(code, **operands))}


MAP_NAMES = {
    "KMAP", "KMAP_ATOMIC", "KMAP_ATOMIC_PROT", "KMAP_ATOMIC_PFN", "KMAP_LOCAL", "KMAP_LOCAL_PROT",
    "KMAP_LOCAL_PFN", "KMAP_LOCAL_FOLIO", "IOMAP",
}  # fmt: skip
ADDRESSED = {
    "KUNMAP_ATOMIC", "KUNMAP_LOCAL", "IOUNMAP", "READ", "WRITE", "KMAP_TO_PAGE",
    "SET_PTE", "INVLPG",
}  # fmt: skip


@pytest.mark.judges("refusal")
def test_operands_that_are_not_there():
    by_name = {code.name: code for code in OpCode}
    assert {by_name[name] for name in MAP_NAMES} == KERNEL_MAPS
    assert {by_name[name] for name in ADDRESSED | {"TYPED_UNMAP"}} == operations_with(
        OperationFlag.HAS_ADDRESS
    )
    pages = MAP_NAMES | {"KUNMAP", "PAGE_ADDRESS", "TYPED_MAP"}
    beside = {"ATTRIBUTE", "HELPER", "INTERRUPT", "USER"}
    assert names(page=4) == set()
    assert names(page=5) == pages | beside | {"SET_PTE"}
    assert names(page=NO_PAGE) == pages | beside
    registers = MAP_NAMES | ADDRESSED | {"TYPED_MAP", "TYPED_UNMAP"}
    assert names(reg=REGISTERS) - {"INTERRUPT", "WORKLOAD"} == registers
    assert names(reg=REGISTERS - 1) - {"INTERRUPT", "WORKLOAD"} == ADDRESSED | {"TYPED_UNMAP"}, (
        "a register never set is 0"
    )
    typed = {code.name for code in (OpCode.TYPED_MAP, OpCode.TYPED_UNMAP)}
    others = {"SIGNAL", "HOTPLUG", "AFFINITY", "INTERRUPT"}
    assert names(value=13) - others == typed
    assert names(value=12) - others == set()


@pytest.mark.judges("refusal")
def test_a_signal_needs_somebody():
    state = state_of(t1={"phase": Phase.DEAD}, t2={"phase": Phase.BLOCKED})
    told = [refused(MACHINE, state, sound(OpCode.SIGNAL, value=number)) for number in range(5)]
    assert told == [False, True, False, False, True]


BASES = [
    ({"reg": 1}, LAYOUT.pkmap_base),
    ({"base": Base.PKMAP, "reg": 2}, LAYOUT.pkmap_base + 0x2000),
    ({"base": Base.FIXMAP, "reg": 70}, LAYOUT.fixaddr_top - (70 << 12)),
    ({"base": Base.DIRECT, "page": LOW}, 0xC100_0000),
    ({"base": Base.ABSOLUTE}, 0),
]


@pytest.mark.judges("refusal")
@pytest.mark.parametrize(
    ("operand", "address"), BASES, ids=["reg", "pkmap", "fixmap", "direct", "absolute"]
)
@pytest.mark.parametrize(
    ("code", "first"), [(OpCode.READ, LAYOUT.page_offset), (OpCode.SET_PTE, LAYOUT.pkmap_base)]
)
def test_addresses_begin_with_the_kernels_and_ptes_by_hand_with_pkmap(
    operand, address, code, first
):
    def told(wanted):
        op = sound(code, **operand, offset=(wanted - address) & 0xFFFF_FFFF)
        return refused(MACHINE, state_of(), op)

    assert [told(wanted) for wanted in (first - 1, first, 0xFFFF_FFFF, 0)] == [
        True,
        False,
        False,
        True,
    ]


@pytest.mark.judges("refusal")
def test_the_direct_map_has_lowmem_only():
    told = [
        refused(MACHINE, state_of(), sound(OpCode.READ, base=Base.DIRECT, page=page))
        for page in (3, LOW, 5)
    ]
    assert told == [True, False, True]
    far = sound(OpCode.READ, base=Base.DIRECT, page=3, offset=LAYOUT.page_offset)
    assert refused(MACHINE, state_of(), far), "highmem has no address to count from"
    entry = sound(OpCode.READ, base=Base.FIXMAP, reg=REGISTERS)
    assert not refused(MACHINE, state_of(), entry), "an entry is no register"


@pytest.mark.judges("refusal")
def test_a_pte_set_by_hand_maps_a_page_or_none():
    told = [
        refused(MACHINE, state_of(), sound(OpCode.SET_PTE, page=page))
        for page in (LOW, 5, NO_PAGE)
    ]
    assert told == [False, True, False]


@pytest.mark.judges("refusal")
def test_nobody_executes_for_a_task_that_is_asleep_or_gone_or_has_no_cpu():
    def told(number, **tasks):
        return not_started(state_of(**tasks), Operation(OpCode.NOP, number))

    assert [told(0, t0={"phase": phase}) for phase in Phase] == [False, True, True, True]
    assert not told(0, t0=OFF), "it has the CPU itself"
    assert told(1, t0=OFF), "the other task of CPU 0"
    assert not told(2, t0=OFF), "on CPU 1"
    assert told(3, t0=OFF), "an unbound task could be anywhere"
    assert MACHINE.tasks[3] == UNBOUND
    assert told(3, t2=OFF)
    assert not told(3)
    assert [task.cpu for task in spinners(state_of(t0=OFF, t2=IRQS), 0)] == [1]


@pytest.mark.judges("refusal")
def test_one_of_several_spinners_is_enough():
    fields = {"t1": OFF, "t2": {**OFF, **IRQS}}
    assert refused(MACHINE, state_of(**fields), sound(OpCode.KMAP, 0))
    assert refused(MACHINE, state_of(**fields), sound(OpCode.FLUSH_UNUSED, 3))
    assert not_started(state_of(**fields), Operation(OpCode.NOP, 0))
