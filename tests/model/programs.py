"""Random programs for tests, as Hypothesis strategies."""

from hypothesis import strategies as st

from harness.model.records.operation import NO_PAGE, Base, OpCode, Operation, Prot

MAPPING = {
    "local": (
        (OpCode.KMAP_LOCAL, OpCode.KMAP_LOCAL_PROT, OpCode.KMAP_LOCAL_PFN, OpCode.IOMAP),
        (OpCode.KMAP_ATOMIC, OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN),
        (OpCode.KUNMAP_LOCAL, OpCode.KUNMAP_ATOMIC, OpCode.IOUNMAP),
    ),
    "stack": (
        (OpCode.IOMAP,),
        (OpCode.KMAP_ATOMIC, OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN),
        (OpCode.KUNMAP_ATOMIC, OpCode.IOUNMAP),
    ),
}
REST = (
    OpCode.NOP,
    OpCode.FLUSH_UNUSED,
    OpCode.PREEMPT_OFF,
    OpCode.PREEMPT_ON,
    OpCode.IRQ_OFF,
    OpCode.IRQ_ON,
    OpCode.SLEEP,
    OpCode.YIELD,
    OpCode.HARDIRQ,
    OpCode.SOFTIRQ,
    OpCode.MIGRATE,
    OpCode.PAGE_ADDRESS,
)


@st.composite
def operations(draw, machine, *, codes):
    registers = st.integers(0, 5)
    return Operation(
        code=draw(st.sampled_from(codes)),
        task=draw(st.integers(0, len(machine.tasks) - 1)),
        page=draw(st.integers(0, len(machine.pages) - 1)),
        reg=draw(registers),
        prot=draw(st.sampled_from(tuple(Prot))),
        offset=draw(st.sampled_from((0, 0, 4, 0x10))),
        value=draw(st.integers(0, 2)),
    )


def any_program(machine, *, size=60):
    maps, atomics, unmaps = MAPPING[machine.layout.generation.value]
    codes = (
        (OpCode.KMAP, OpCode.KUNMAP) * 6
        + maps * 2
        + atomics
        + unmaps * 2
        + (OpCode.READ, OpCode.WRITE) * 3
        + REST
        + (OpCode.KMAP_TO_PAGE, OpCode.INVLPG)
    )
    return st.lists(operations(machine, codes=codes), max_size=size)


def persistent_program(machine, *, size=80):
    codes = (OpCode.KMAP,) * 5 + (OpCode.KUNMAP,) * 4 + (OpCode.FLUSH_UNUSED,)
    return st.lists(operations(machine, codes=codes), max_size=size)


def window(index, code=OpCode.READ, **other):
    return Operation(code, base=Base.FIXMAP, reg=index, **other)


NO = NO_PAGE
