"""Operations: what a task can be asked to do, and everything that is known about each kind.

``OPERATIONS`` is the only table of operations.  Every set of operation codes that a room needs is
derived from its flags; the module has the same flags in ``kmod/`` (``kmh_op_kinds``).
"""

from collections.abc import Mapping
from enum import Enum, IntEnum, IntFlag
from typing import Final, NamedTuple

NO_PAGE = 0xFFFF


class OpCode(IntEnum):
    """Kind of an operation (``kmod/protocol.h``, ``enum kmh_opcode``)."""

    NOP = 0
    KMAP = 1
    KUNMAP = 2
    KMAP_ATOMIC = 3
    KMAP_ATOMIC_PROT = 4
    KMAP_ATOMIC_PFN = 5
    KUNMAP_ATOMIC = 6
    KMAP_LOCAL = 7
    KMAP_LOCAL_PROT = 8
    KMAP_LOCAL_PFN = 9
    KUNMAP_LOCAL = 10
    IOMAP = 11
    IOUNMAP = 12
    READ = 13
    WRITE = 14
    PAGE_ADDRESS = 15
    KMAP_TO_PAGE = 16
    SET_PTE = 17
    FLUSH_UNUSED = 18
    INVLPG = 19
    IRQ_OFF = 20
    IRQ_ON = 21
    PREEMPT_OFF = 22
    PREEMPT_ON = 23
    SLEEP = 24
    YIELD = 25
    HARDIRQ = 26
    SOFTIRQ = 27
    EXIT = 28
    MIGRATE = 29
    TYPED_MAP = 30
    TYPED_UNMAP = 31
    SIGNAL = 32
    INTERRUPT = 33
    AFFINITY = 34
    HOTPLUG = 35
    AWAIT = 36
    FORK = 37
    USER = 38
    KMAP_LOCAL_FOLIO = 39
    HELPER = 40
    WORKLOAD = 41
    ATTRIBUTE = 42


class Base(IntEnum):
    """The base of an address operand (``enum kmh_base``)."""

    REG = 0
    FIXMAP = 1
    PKMAP = 2
    DIRECT = 3
    ABSOLUTE = 4


class Prot(IntEnum):
    """Protection of the ``*_prot`` forms (``enum kmh_prot``); no guest reports DEVICE."""

    KERNEL = 0
    RO = 1
    NOCACHE = 2
    WC = 3
    EXEC = 4
    DEVICE = 5


class Operand(Enum):
    """The operands that may follow the word of an operation in a scenario."""

    NONE = "nothing"
    PAGE = "a page"
    PAGE_PROT = "a page and a protection"
    PAGE_TYPE = "a page and a type"
    PAGE_OFFSET = "a page and an offset"
    ADDRESS_TYPE = "an address and a type"
    ADDRESS = "an address"
    ADDRESS_VALUE = "an address and a value"
    ADDRESS_PTE = "an address and 'none' or a page"
    VALUE = "a number"
    BLOCK = "a block"
    TASK = "a task"
    TASK_CPU = "a task and a CPU"
    CPU_STATE = "a CPU and its state"
    HELPER = "what the helper takes"
    WORKLOAD = "a kind of workload and a seed"
    INSTANT = "an instant, a context, a page and a number"


class AtomicSection(Enum):
    """A section in which a task may not sleep; one operation enters it and another leaves it.

    IOMAP is one only in the stack generation, where ``iomap_atomic_prot_pfn`` disables preemption.
    """

    ATOMIC = "atomic"
    IRQ = "irq"
    PREEMPT = "preempt"
    IOMAP = "iomap"


class OperationFlag(IntFlag):
    """Facts about an operation that are true or false (``kmod/protocol.h``, ``KMH_OPF_*``)."""

    MAPS = 1 << 0  # makes a mapping, whose address goes to register "reg"
    UNMAPS = 1 << 1  # ends a mapping
    PKMAP = 1 << 2  # the mapping is in the pkmap area
    WINDOW = 1 << 3  # the mapping is in a fixmap window of the kernel
    TYPED = 1 << 4  # the mapping is in the module's typed window; "value" is its km_type
    ATOMIC = 1 << 5  # kmap_atomic and its relatives
    LOCAL = 1 << 6  # kmap_local_page and its relatives
    BY_PFN = 1 << 7  # maps a page frame number: a lowmem page gets a window entry, too
    WITH_PROT = 1 << 8  # maps with the protection "prot"; all others map with kmap_prot
    NEEDS_PAGE = 1 << 9  # "page" must be the id of a page
    NEEDS_REGISTER = 1 << 10  # "reg" must be the number of a register, whatever "base" says
    HAS_ADDRESS = 1 << 11  # takes an address operand: "base", "reg" or "page", "offset"
    ANY_ADDRESS = 1 << 12  # compares its address only, so that it may be one of user space
    TRANSLATES = 1 << 13  # the result depends on the page to which the address translates
    RETURNS_ADDRESS = 1 << 14  # the value of the observation is an address
    KMAP_LOCK = 1 << 15  # takes kmap_lock: would spin for ever if a dead task holds it
    MIGHT_SLEEP = 1 << 16  # begins with might_sleep(), and sleeps only if it must
    NEVER_ATOMIC = 1 << 17  # refused in an atomic section: it always gives up the CPU or waits
    TASK_CONTEXT = 1 << 18  # refused in an interrupt
    INTERRUPTS_ON = 1 << 19  # refused while the task has interrupts off
    WAITS_FOR_CPUS = 1 << 20  # refused beside a task that spins on CPU 0 or with interrupts off
    NEEDS_ALL_CPUS = 1 << 21  # refused beside any task that spins, since every CPU must schedule
    INTERRUPTIBLE = 1 << 22  # the module lets an armed interrupt come in the middle of it
    OPENS_CONTEXT = 1 << 23  # the next "value" operations run in an interrupt context
    SETS_ATTRIBUTES = 1 << 24  # may change attributes of pages; the kernel flushes all CPUs then
    OUTSIDE = 1 << 25  # done around the task, not by it (kmod/outside.c)
    ERRAND = 1 << 26  # goes on in the background, until AWAIT reports its end
    ONLY_LOCAL = 1 << 27  # only kernels of the local generation have it
    NOT_TYPED = 1 << 28  # kernels of the typed generation lack it
    SWITCHES = 1 << 29  # gives up the CPU in the middle of it, and comes back


class OperationKind(NamedTuple):
    """All facts about one kind of operation, beside the code that executes it.

    ``word`` and ``operand`` are its form in a scenario.  ``unmap`` is the operation that ends
    the mapping that this one makes.  ``enters`` and ``leaves`` name an atomic section.
    """

    code: OpCode
    word: str
    operand: Operand
    flags: OperationFlag
    unmap: OpCode | None = None
    enters: AtomicSection | None = None
    leaves: AtomicSection | None = None


_K, _C, _P, _F, _S = OperationKind, OpCode, Operand, OperationFlag, AtomicSection

_MAP = _F.MAPS | _F.NEEDS_PAGE | _F.NEEDS_REGISTER | _F.RETURNS_ADDRESS
_WINDOW_MAP = _MAP | _F.WINDOW | _F.INTERRUPTIBLE
_ATOMIC_MAP = _WINDOW_MAP | _F.ATOMIC
_LOCAL_MAP = _WINDOW_MAP | _F.LOCAL | _F.ONLY_LOCAL
_IO_MAP = _WINDOW_MAP | _F.BY_PFN | _F.WITH_PROT | _F.NOT_TYPED
_WINDOW_UNMAP = _F.UNMAPS | _F.WINDOW | _F.HAS_ADDRESS | _F.INTERRUPTIBLE
_ATOMIC_UNMAP = _WINDOW_UNMAP | _F.ATOMIC | _F.ANY_ADDRESS
_LOCAL_UNMAP = _WINDOW_UNMAP | _F.LOCAL | _F.ANY_ADDRESS | _F.ONLY_LOCAL
_PKMAP = _F.PKMAP | _F.NEEDS_PAGE | _F.KMAP_LOCK | _F.MIGHT_SLEEP | _F.TASK_CONTEXT
_KMAP = _PKMAP | _MAP | _F.INTERRUPTS_ON | _F.WAITS_FOR_CPUS | _F.INTERRUPTIBLE
_KUNMAP = _PKMAP | _F.UNMAPS | _F.INTERRUPTIBLE
_TYPED_UNMAP = _F.UNMAPS | _F.TYPED | _F.HAS_ADDRESS | _F.NEEDS_REGISTER
_ACCESS = _F.HAS_ADDRESS | _F.TRANSLATES | _F.INTERRUPTIBLE
_TASK = _F.TASK_CONTEXT
_CONTEXT = _TASK | _F.INTERRUPTS_ON | _F.OPENS_CONTEXT
_SWITCH = _TASK | _F.NEVER_ATOMIC | _F.INTERRUPTIBLE | _F.SWITCHES
_WAIT = _TASK | _F.NEVER_ATOMIC | _F.WAITS_FOR_CPUS
_FLUSH = _WAIT | _F.KMAP_LOCK | _F.SETS_ATTRIBUTES | _F.INTERRUPTIBLE | _F.SWITCHES
_ATTRIBUTE = _WAIT | _F.KMAP_LOCK | _F.SETS_ATTRIBUTES | _F.NEEDS_PAGE | _F.NEEDS_ALL_CPUS
_ARM = _TASK | _F.NEVER_ATOMIC | _F.SETS_ATTRIBUTES
_OUTSIDE = _TASK | _F.NEVER_ATOMIC | _F.OUTSIDE
_ERRAND = _OUTSIDE | _F.ERRAND | _F.WAITS_FOR_CPUS | _F.NEEDS_ALL_CPUS
_WORKLOAD = _OUTSIDE | _F.WAITS_FOR_CPUS | _F.NEEDS_ALL_CPUS
_USER = _OUTSIDE | _F.NEEDS_PAGE | _F.ONLY_LOCAL

_KINDS = (
    _K(_C.NOP, "nop", _P.NONE, _F.INTERRUPTIBLE),
    _K(_C.KMAP, "kmap", _P.PAGE, _KMAP, _C.KUNMAP),
    _K(_C.KUNMAP, "kunmap", _P.PAGE, _KUNMAP),
    _K(_C.KMAP_ATOMIC, "kmap_atomic", _P.PAGE, _ATOMIC_MAP, _C.KUNMAP_ATOMIC, _S.ATOMIC),
    _K(_C.KMAP_ATOMIC_PROT, "kmap_atomic_prot", _P.PAGE_PROT, _ATOMIC_MAP | _F.WITH_PROT,
        _C.KUNMAP_ATOMIC, _S.ATOMIC),
    _K(_C.KMAP_ATOMIC_PFN, "kmap_atomic_pfn", _P.PAGE, _ATOMIC_MAP | _F.BY_PFN, _C.KUNMAP_ATOMIC,
        _S.ATOMIC),
    _K(_C.KUNMAP_ATOMIC, "kunmap_atomic", _P.ADDRESS, _ATOMIC_UNMAP, leaves=_S.ATOMIC),
    _K(_C.KMAP_LOCAL, "kmap_local_page", _P.PAGE, _LOCAL_MAP, _C.KUNMAP_LOCAL),
    _K(_C.KMAP_LOCAL_PROT, "kmap_local_page_prot", _P.PAGE_PROT, _LOCAL_MAP | _F.WITH_PROT,
        _C.KUNMAP_LOCAL),
    _K(_C.KMAP_LOCAL_PFN, "kmap_local_pfn", _P.PAGE, _LOCAL_MAP | _F.BY_PFN, _C.KUNMAP_LOCAL),
    _K(_C.KUNMAP_LOCAL, "kunmap_local", _P.ADDRESS, _LOCAL_UNMAP),
    _K(_C.IOMAP, "iomap", _P.PAGE_PROT, _IO_MAP, _C.IOUNMAP, _S.IOMAP),
    _K(_C.IOUNMAP, "iounmap", _P.ADDRESS, _WINDOW_UNMAP | _F.NOT_TYPED, leaves=_S.IOMAP),
    _K(_C.READ, "read", _P.ADDRESS, _ACCESS),
    _K(_C.WRITE, "write", _P.ADDRESS_VALUE, _ACCESS),
    _K(_C.PAGE_ADDRESS, "page_address", _P.PAGE,
        _F.NEEDS_PAGE | _F.RETURNS_ADDRESS | _F.INTERRUPTIBLE),
    _K(_C.KMAP_TO_PAGE, "kmap_to_page", _P.ADDRESS, _F.HAS_ADDRESS | _F.TRANSLATES),
    _K(_C.SET_PTE, "set_pte", _P.ADDRESS_PTE, _F.HAS_ADDRESS),
    _K(_C.FLUSH_UNUSED, "flush_unused", _P.NONE, _FLUSH),
    _K(_C.INVLPG, "invlpg", _P.ADDRESS, _F.HAS_ADDRESS),
    _K(_C.IRQ_OFF, "irq_off", _P.NONE, _TASK, enters=_S.IRQ),
    _K(_C.IRQ_ON, "irq_on", _P.NONE, _TASK, leaves=_S.IRQ),
    _K(_C.PREEMPT_OFF, "preempt_off", _P.NONE, _TASK, enters=_S.PREEMPT),
    _K(_C.PREEMPT_ON, "preempt_on", _P.NONE, _TASK, leaves=_S.PREEMPT),
    _K(_C.SLEEP, "sleep", _P.VALUE, _SWITCH),
    _K(_C.YIELD, "yield", _P.NONE, _SWITCH),
    _K(_C.HARDIRQ, "hardirq", _P.BLOCK, _CONTEXT),
    _K(_C.SOFTIRQ, "softirq", _P.BLOCK, _CONTEXT),
    _K(_C.EXIT, "exit", _P.NONE, _WAIT),
    _K(_C.MIGRATE, "migrate", _P.VALUE, _WAIT | _F.NEEDS_ALL_CPUS),
    _K(_C.TYPED_MAP, "kmap_typed", _P.PAGE_TYPE, _MAP | _F.TYPED, _C.TYPED_UNMAP),
    _K(_C.TYPED_UNMAP, "kunmap_typed", _P.ADDRESS_TYPE, _TYPED_UNMAP),
    _K(_C.SIGNAL, "signal", _P.TASK, _TASK),
    _K(_C.INTERRUPT, "interrupt", _P.INSTANT, _ARM),
    _K(_C.AFFINITY, "affinity", _P.TASK_CPU, _ERRAND),
    _K(_C.HOTPLUG, "cpu", _P.CPU_STATE, _ERRAND),
    _K(_C.AWAIT, "await", _P.NONE, _OUTSIDE),
    _K(_C.FORK, "fork", _P.NONE, _OUTSIDE),
    _K(_C.USER, "user", _P.PAGE, _USER),
    _K(_C.KMAP_LOCAL_FOLIO, "kmap_local_folio", _P.PAGE_OFFSET, _LOCAL_MAP, _C.KUNMAP_LOCAL),
    _K(_C.HELPER, "helper", _P.HELPER, _F.NEEDS_PAGE | _F.INTERRUPTIBLE),
    _K(_C.WORKLOAD, "workload", _P.WORKLOAD, _WORKLOAD),
    _K(_C.ATTRIBUTE, "attribute", _P.PAGE_PROT, _ATTRIBUTE),
)  # fmt: skip

OPERATIONS: Final[Mapping[OpCode, OperationKind]] = {kind.code: kind for kind in _KINDS}
"""The one record of each operation."""


def operations_with(*flags: OperationFlag) -> frozenset[OpCode]:
    """Operations that have all of *flags*."""
    return frozenset(
        kind.code for kind in _KINDS if all(kind.flags & flag == flag for flag in flags)
    )


MAPPING = operations_with(_F.MAPS)
UNMAPPING = operations_with(_F.UNMAPS)
PKMAP_OPERATIONS = operations_with(_F.PKMAP)
WINDOW_MAPS = operations_with(_F.MAPS | _F.WINDOW)
WINDOW_UNMAPS = operations_with(_F.UNMAPS | _F.WINDOW)
ATOMIC_MAPS = operations_with(_F.MAPS | _F.ATOMIC)
ATOMIC_UNMAPS = operations_with(_F.UNMAPS | _F.ATOMIC)
LOCAL_MAPS = operations_with(_F.MAPS | _F.LOCAL)
TYPED_OPERATIONS = operations_with(_F.TYPED)
KERNEL_MAPS = MAPPING - TYPED_OPERATIONS
"""Mapping operations that call the kernel; the others use the module's typed window."""

PFN_MAPS = operations_with(_F.BY_PFN)
WITH_PROT = operations_with(_F.WITH_PROT)
ACCESSES = operations_with(_F.TRANSLATES)
ONLY_LOCAL = operations_with(_F.ONLY_LOCAL)
NEVER_ATOMIC = operations_with(_F.NEVER_ATOMIC)
MIGHT_SLEEP = operations_with(_F.MIGHT_SLEEP)
SLEEPING = MIGHT_SLEEP | NEVER_ATOMIC
"""Operations that sleep, wait or may do so."""

OPENS_CONTEXT = operations_with(_F.OPENS_CONTEXT)
OUTSIDE = operations_with(_F.OUTSIDE)
ERRANDS = operations_with(_F.ERRAND)
INTERRUPTIBLE = operations_with(_F.INTERRUPTIBLE)
SWITCHES = operations_with(_F.SWITCHES)


class Operation(NamedTuple):
    """One operation of one task: a NamedTuple since millions are made, hashed and compared.

    ``reg`` names a register (an address shared by all tasks) that mapping operations
    set.  An address operand is ``(base, reg or page, offset)``.  ``value`` is the datum of WRITE,
    microseconds of SLEEP, CPU of MIGRATE, task of SIGNAL, number of operations of HARDIRQ, offset
    of KMAP_LOCAL_FOLIO, seed of WORKLOAD.  ``helper.py`` has the operands of HELPER.
    """

    code: OpCode
    task: int = 0
    page: int = NO_PAGE
    reg: int = 0
    prot: Prot = Prot.KERNEL
    base: Base = Base.REG
    offset: int = 0
    value: int = 0
