"""Programs made for the claims; their operations have names, by which the checks find them."""

from dataclasses import dataclass, field

from harness.guest.steps import StepRecord
from harness.model.records.km_type import KM_TYPES_2_6_24
from harness.model.records.layout import Layout
from harness.model.records.operation import NO_PAGE, OPERATIONS, Base, Operation

TASK_CPUS = (0, 1, 0)
"""Tasks a and c on CPU 0, b on CPU 1."""
A, B, C = range(3)

_CODES = {kind.word: code for code, kind in OPERATIONS.items()}


@dataclass(slots=True)
class ClaimProgram:
    """Operations in order, and for each name the positions of its operations."""

    operations: list[Operation] = field(default_factory=list)
    names: dict[str, list[int]] = field(default_factory=dict)

    def do(
        self,
        name: str,
        word: str,
        task: int = A,
        *,
        page: int = NO_PAGE,
        reg: int = 0,
        base: Base = Base.REG,
        offset: int = 0,
        value: int = 0,
    ) -> None:
        """Append the operation *word* (as in scenarios) of *task* under *name*."""
        self.names.setdefault(name, []).append(len(self.operations))
        self.operations.append(
            Operation(_CODES[word], task, page, reg, base=base, offset=offset, value=value)
        )


def turn(layout: Layout, low: int) -> ClaimProgram:
    """One full turn of the cursor.

    One page has two users, one has none and a slot with count 1; all others are kmapped and
    kunmapped.
    """
    program = ClaimProgram()
    program.do("lowmem", "kmap", page=low)
    program.do("lowmem-unmap", "kunmap", page=low)
    program.do("hold", "kmap", page=0, reg=1)
    program.do("hold-again", "kmap", task=B, page=0, reg=1)
    program.do("hold-less", "kunmap", task=B, page=0)
    program.do("fresh", "kmap", page=1, reg=2)
    program.do("last", "kunmap", page=1)
    program.do("revive", "kmap", page=1, reg=2)
    program.do("last", "kunmap", page=1)
    for page in range(2, layout.last_pkmap + 2):
        program.do("scan", "kmap", page=page, reg=3)
        program.do("scan-less", "kunmap", page=page)
    program.do("flush-some", "flush_unused")
    program.do("flush-none", "flush_unused")
    program.do("held", "read", reg=1)
    program.do("forgotten", "page_address", page=1)
    program.do("hold-end", "kunmap", page=0)
    return program


def full(layout: Layout) -> ClaimProgram:
    """A kmap in an atomic section; then all slots are taken, and one more kmap sleeps."""
    program = ClaimProgram()
    program.do("atomic-begin", "preempt_off")
    program.do("atomic-kmap", "kmap", page=0, reg=10)
    program.do("atomic-end", "preempt_on")
    for page in range(1, layout.last_pkmap):
        program.do("fill", "kmap", page=page, reg=10)
    program.do("sleep", "kmap", task=B, page=layout.last_pkmap, reg=11)
    program.do("asleep", "nop")
    program.do("wake", "kunmap", page=5)
    program.do("awake", "nop", task=B)
    for page in range(layout.last_pkmap + 1):
        if page != 5:
            program.do("empty", "kunmap", task=B if page == layout.last_pkmap else A, page=page)
    return program


def windows(low: int) -> ClaimProgram:
    """Three nested atomic mappings on each CPU, one of lowmem, unmaps by any byte of the page."""
    program = ClaimProgram()
    for task in (A, B):
        for depth in range(3):
            program.do(f"atomic-{task}", "kmap_atomic", task=task, page=depth, reg=20 + depth)
        program.do("atomic-read", "write", task=task, reg=22, value=0xA0 + task)
        for depth in (2, 1, 0):
            program.do(
                f"atomic-unmap-{task}",
                "kunmap_atomic",
                task=task,
                reg=20 + depth,
                offset=8 * depth,
            )
    program.do("atomic-low", "kmap_atomic", page=low, reg=24)
    program.do("atomic-low-unmap", "kunmap_atomic", reg=24)
    return program


def sleeper() -> ClaimProgram:
    """A kmap_local mapping across a sleep, while another task of the CPU maps another page.

    For kernels of the local generation.
    """
    program = ClaimProgram()
    program.do("local-map", "kmap_local_page", page=0, reg=30)
    program.do("local-write", "write", reg=30, value=0x1111)
    program.do("local-sleep", "sleep", value=2000)
    program.do("other-map", "kmap_local_page", task=C, page=1, reg=31)
    program.do("other-write", "write", task=C, reg=31, value=0x2222)
    program.do("local-read", "read", reg=30)
    program.do("other-unmap", "kunmap_local", task=C, reg=31)
    program.do("local-unmap", "kunmap_local", reg=30)
    return program


def typed() -> ClaimProgram:
    """The interface of 2.6.24, in the module's typed window.

    All types on both CPUs, then a task that sleeps while mapped, and an unmap of a wrong type.
    """
    user0, user1, irq0 = (
        KM_TYPES_2_6_24.index(name) for name in ("KM_USER0", "KM_USER1", "KM_IRQ0")
    )
    program = ClaimProgram()
    for number in range(len(KM_TYPES_2_6_24)):
        for task in (A, B):
            program.do(
                f"typed-{task}",
                "kmap_typed",
                task=task,
                page=number,
                reg=60 + number,
                value=number,
            )
            program.do("typed-unmap", "kunmap_typed", task=task, reg=60 + number, value=number)
    program.do("typed-mine", "kmap_typed", page=0, reg=80, value=user0)
    program.do("typed-write", "write", reg=80, value=0x3333)
    program.do("typed-sleep", "sleep", value=2000)
    program.do("typed-other", "kmap_typed", task=C, page=1, reg=81, value=user0)
    program.do("typed-beside", "kmap_typed", task=C, page=1, reg=82, value=irq0)
    program.do("typed-read", "read", reg=80)
    program.do("typed-wrong", "kunmap_typed", reg=80, value=user1)
    program.do("typed-right", "kunmap_typed", reg=80, value=user0)
    program.do("typed-beside-end", "kunmap_typed", task=C, reg=82, value=irq0)
    return program


def wrecking(layout: Layout) -> ClaimProgram:
    """One kunmap too many, then a map onto a window entry that is in use.

    Two tasks die, one with kmap_lock held, and the entry stays: the guest is of no further use.
    """
    slot = layout.fix_kmap_begin + (1 if layout.debug_kmap_local else 0)
    program = ClaimProgram()
    program.do("balanced", "kmap", task=B, page=2, reg=41)
    program.do("balanced-end", "kunmap", task=B, page=2)
    program.do("too-many", "kunmap", task=B, page=2)
    program.do("irq-off", "irq_off")
    program.do("occupy", "set_pte", base=Base.FIXMAP, reg=slot, page=1)
    program.do("onto-occupied", "kmap_atomic", page=0, reg=40)
    return program


ROUNDS = 16


def timed(*, local: bool) -> ClaimProgram:
    """ROUNDS pairs of each map and unmap, for a guest that counts instructions."""
    program = ClaimProgram()
    for _ in range(ROUNDS):
        program.do("nop", "nop")
        program.do("kmap", "kmap", page=0, reg=50)
        program.do("kunmap", "kunmap", page=0)
        program.do("kmap_atomic", "kmap_atomic", page=0, reg=51)
        program.do("kunmap_atomic", "kunmap_atomic", reg=51)
        if local:
            program.do("kmap_local", "kmap_local_page", page=0, reg=52)
            program.do("kunmap_local", "kunmap_local", reg=52)
    return program


@dataclass(frozen=True, slots=True)
class ClaimEvidence:
    """The evidence of the programs: steps by name, and instructions by operation.

    The instructions are medians, less those of a NOP.
    """

    layout: Layout
    release: str
    steps: dict[str, tuple[StepRecord, ...]]
    instructions: dict[str, int]
    flush_cache_kmaps: bool

    def all(self, name: str) -> tuple[StepRecord, ...]:
        """Every step of *name*; none if the kernel lacks the operation."""
        return self.steps.get(name, ())

    def one(self, name: str) -> StepRecord:
        """The first step of *name*; raises KeyError if there is none."""
        return self.steps[name][0]


def steps_by_name(
    program: ClaimProgram, records: list[StepRecord]
) -> dict[str, tuple[StepRecord, ...]]:
    """*records* of the operations of *program*, by name."""
    return {name: tuple(records[at] for at in places) for name, places in program.names.items()}
