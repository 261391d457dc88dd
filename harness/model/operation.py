"""Operations: what a task can be asked to do.  The numbers are those of ``enum kmh_opcode``."""

from enum import IntEnum
from typing import NamedTuple

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


class Base(IntEnum):
    """What an address operand is relative to (``enum kmh_base``)."""

    REG = 0
    FIXMAP = 1
    PKMAP = 2
    DIRECT = 3
    ABSOLUTE = 4


class Prot(IntEnum):
    """Protection asked for by the ``*_prot`` forms (``enum kmh_prot``)."""

    KERNEL = 0
    RO = 1
    NOCACHE = 2
    WC = 3
    EXEC = 4


WITH_PROT = frozenset({OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_LOCAL_PROT, OpCode.IOMAP})
"""Mapping operations that ask for a protection; all others map with kmap_prot."""


class Operation(NamedTuple):
    """One operation of one task: a NamedTuple since millions are made, hashed and compared.

    ``reg`` names a register (an address shared by all tasks) that mapping operations
    set.  An address operand is ``(base, reg or page, offset)``.  ``value`` is the datum
    of WRITE, microseconds of SLEEP, CPU of MIGRATE, task of SIGNAL, number of operations of HARDIRQ.
    """

    code: OpCode
    task: int = 0
    page: int = NO_PAGE
    reg: int = 0
    prot: Prot = Prot.KERNEL
    base: Base = Base.REG
    offset: int = 0
    value: int = 0
