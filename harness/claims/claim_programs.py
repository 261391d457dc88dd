"""Programs made for the claims: operations with names, so that their steps can be found again."""

from dataclasses import dataclass, field

from harness.guest.steps import StepRecord
from harness.model.records.km_type import KM_TYPES_2_6_24
from harness.model.records.layout import Layout
from harness.model.records.operation import Base, OpCode, Operation

TASK_CPUS = (0, 1, 0)
"""Tasks a and c on CPU 0, b on CPU 1."""
A, B, C = range(3)


@dataclass(slots=True)
class ClaimProgram:
    """Operations in order, and the positions that each name stands for."""

    operations: list[Operation] = field(default_factory=list)
    names: dict[str, list[int]] = field(default_factory=dict)

    def do(self, name: str, code: OpCode, task: int = A, **operands: int) -> None:
        """Add an operation, under *name*."""
        self.names.setdefault(name, []).append(len(self.operations))
        self.operations.append(Operation(code, task, **operands))  # type: ignore[arg-type] # keywords are fields of Operation


def turn(layout: Layout, low: int) -> ClaimProgram:
    """One full turn of the cursor: a page held by two users, one left at 1, the others kmapped and let go."""
    script = ClaimProgram()
    script.do("lowmem", OpCode.KMAP, page=low)
    script.do("lowmem-unmap", OpCode.KUNMAP, page=low)
    script.do("hold", OpCode.KMAP, page=0, reg=1)
    script.do("hold-again", OpCode.KMAP, task=B, page=0, reg=1)
    script.do("hold-less", OpCode.KUNMAP, task=B, page=0)
    script.do("fresh", OpCode.KMAP, page=1, reg=2)
    script.do("last", OpCode.KUNMAP, page=1)
    script.do("revive", OpCode.KMAP, page=1, reg=2)
    script.do("last", OpCode.KUNMAP, page=1)
    for page in range(2, layout.last_pkmap + 2):
        script.do("scan", OpCode.KMAP, page=page, reg=3)
        script.do("scan-less", OpCode.KUNMAP, page=page)
    script.do("flush-some", OpCode.FLUSH_UNUSED)
    script.do("flush-none", OpCode.FLUSH_UNUSED)
    script.do("held", OpCode.READ, reg=1)
    script.do("forgotten", OpCode.PAGE_ADDRESS, page=1)
    script.do("hold-end", OpCode.KUNMAP, page=0)
    return script


def full(layout: Layout) -> ClaimProgram:
    """Every position taken: one more kmap sleeps until one is let go; kmap in an atomic section before."""
    script = ClaimProgram()
    script.do("atomic-begin", OpCode.PREEMPT_OFF)
    script.do("atomic-kmap", OpCode.KMAP, page=0, reg=10)
    script.do("atomic-end", OpCode.PREEMPT_ON)
    for page in range(1, layout.last_pkmap):
        script.do("fill", OpCode.KMAP, page=page, reg=10)
    script.do("sleep", OpCode.KMAP, task=B, page=layout.last_pkmap, reg=11)
    script.do("asleep", OpCode.NOP)
    script.do("wake", OpCode.KUNMAP, page=5)
    script.do("awake", OpCode.NOP, task=B)
    for page in range(layout.last_pkmap + 1):
        if page != 5:
            script.do(
                "empty", OpCode.KUNMAP, task=B if page == layout.last_pkmap else A, page=page
            )
    return script


def windows(low: int) -> ClaimProgram:
    """Atomic mappings, three deep, on both CPUs; lowmem; unmapping by an address within the page."""
    script = ClaimProgram()
    for task in (A, B):
        for depth in range(3):
            script.do(f"atomic-{task}", OpCode.KMAP_ATOMIC, task=task, page=depth, reg=20 + depth)
        script.do("atomic-read", OpCode.WRITE, task=task, reg=22, value=0xA0 + task)
        for depth in (2, 1, 0):
            script.do(
                f"atomic-unmap-{task}",
                OpCode.KUNMAP_ATOMIC,
                task=task,
                reg=20 + depth,
                offset=8 * depth,
            )
    script.do("atomic-low", OpCode.KMAP_ATOMIC, page=low, reg=24)
    script.do("atomic-low-unmap", OpCode.KUNMAP_ATOMIC, reg=24)
    return script


def sleeper(low: int) -> ClaimProgram:
    """A kmap_local mapping across a sleep in which another task of the CPU maps (local generation)."""
    del low
    script = ClaimProgram()
    script.do("local-map", OpCode.KMAP_LOCAL, page=0, reg=30)
    script.do("local-write", OpCode.WRITE, reg=30, value=0x1111)
    script.do("local-sleep", OpCode.SLEEP, value=2000)
    script.do("other-map", OpCode.KMAP_LOCAL, task=C, page=1, reg=31)
    script.do("other-write", OpCode.WRITE, task=C, reg=31, value=0x2222)
    script.do("local-read", OpCode.READ, reg=30)
    script.do("other-unmap", OpCode.KUNMAP_LOCAL, task=C, reg=31)
    script.do("local-unmap", OpCode.KUNMAP_LOCAL, reg=30)
    return script


def typed() -> ClaimProgram:
    """The interface of 2.6.24 in the module's typed window: types of both CPUs, misuse, a sleeper."""
    user0, user1, irq0 = (
        KM_TYPES_2_6_24.index(name) for name in ("KM_USER0", "KM_USER1", "KM_IRQ0")
    )
    script = ClaimProgram()
    for number in range(len(KM_TYPES_2_6_24)):
        for task in (A, B):
            script.do(
                f"typed-{task}",
                OpCode.TYPED_MAP,
                task=task,
                page=number,
                reg=60 + number,
                value=number,
            )
            script.do("typed-unmap", OpCode.TYPED_UNMAP, task=task, reg=60 + number, value=number)
    script.do("typed-mine", OpCode.TYPED_MAP, page=0, reg=80, value=user0)
    script.do("typed-write", OpCode.WRITE, reg=80, value=0x3333)
    script.do("typed-sleep", OpCode.SLEEP, value=2000)
    script.do("typed-other", OpCode.TYPED_MAP, task=C, page=1, reg=81, value=user0)
    script.do("typed-beside", OpCode.TYPED_MAP, task=C, page=1, reg=82, value=irq0)
    script.do("typed-read", OpCode.READ, reg=80)
    script.do("typed-wrong", OpCode.TYPED_UNMAP, reg=80, value=user1)
    script.do("typed-right", OpCode.TYPED_UNMAP, reg=80, value=user0)
    script.do("typed-beside-end", OpCode.TYPED_UNMAP, task=C, reg=82, value=irq0)
    return script


def wrecking(layout: Layout) -> ClaimProgram:
    """A kunmap too many, then a window entry that is in use when its turn comes.

    Two tasks die, one with kmap_lock held, and the entry stays: for a guest that is thrown away.
    """
    slot = layout.fix_kmap_begin + (1 if layout.debug_kmap_local else 0)
    script = ClaimProgram()
    script.do("balanced", OpCode.KMAP, task=B, page=2, reg=41)
    script.do("balanced-end", OpCode.KUNMAP, task=B, page=2)
    script.do("too-many", OpCode.KUNMAP, task=B, page=2)
    script.do("irq-off", OpCode.IRQ_OFF)
    script.do("occupy", OpCode.SET_PTE, base=Base.FIXMAP, reg=slot, page=1)
    script.do("onto-occupied", OpCode.KMAP_ATOMIC, page=0, reg=40)
    return script


ROUNDS = 16


def timed(*, local: bool) -> ClaimProgram:
    """Pairs of map and unmap, ROUNDS times each, for a machine that counts instructions."""
    script = ClaimProgram()
    for _ in range(ROUNDS):
        script.do("nop", OpCode.NOP)
        script.do("kmap", OpCode.KMAP, page=0, reg=50)
        script.do("kunmap", OpCode.KUNMAP, page=0)
        script.do("kmap_atomic", OpCode.KMAP_ATOMIC, page=0, reg=51)
        script.do("kunmap_atomic", OpCode.KUNMAP_ATOMIC, reg=51)
        if local:
            script.do("kmap_local", OpCode.KMAP_LOCAL, page=0, reg=52)
            script.do("kunmap_local", OpCode.KUNMAP_LOCAL, reg=52)
    return script


@dataclass(frozen=True, slots=True)
class ClaimEvidence:
    """What the scripts have shown: steps by name, and instructions by operation (medians, NOP taken off)."""

    layout: Layout
    release: str
    steps: dict[str, tuple[StepRecord, ...]]
    instructions: dict[str, int]
    flush_cache_kmaps: bool

    def all(self, name: str) -> tuple[StepRecord, ...]:
        """Every step of *name*; none where the kernel lacks the operation."""
        return self.steps.get(name, ())

    def one(self, name: str) -> StepRecord:
        """The first step of *name*."""
        return self.steps[name][0]


def named(script: ClaimProgram, records: list[StepRecord]) -> dict[str, tuple[StepRecord, ...]]:
    """The records of *script*, by name."""
    return {name: tuple(records[at] for at in places) for name, places in script.names.items()}
