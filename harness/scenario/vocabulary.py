"""The words of the language: operations, pages, protections, and what each operation takes.

The names are the kernel's (include/linux/highmem.h, highmem-internal.h, 5.10 to 7.3),
so that a scenario reads like the code it is about.
"""

from enum import Enum
from typing import Final, NamedTuple

from harness.model.records.operation import OpCode, Prot
from harness.model.records.page import PageKind
from harness.model.rules.armed_interrupt import Trigger, Where


class Operand(Enum):
    """What may follow an operation's name."""

    NONE = "nothing"
    PAGE = "a page"
    PAGE_PROT = "a page and a protection"
    PAGE_TYPE = "a page and a type"
    ADDRESS_TYPE = "an address and a type"
    ADDRESS = "an address"
    ADDRESS_VALUE = "an address and a value"
    ADDRESS_PTE = "an address and 'none' or a page"
    VALUE = "a number"
    BLOCK = "a block"
    TASK = "a task"
    TASK_CPU = "a task and a CPU"
    CPU_STATE = "a CPU and its state"
    INSTANT = "an instant, a context, a page and a number"


class Word(NamedTuple):
    """One operation: its name in a scenario, its code, its operands, whether it sets a register."""

    name: str
    code: OpCode
    operand: Operand
    result: bool = False


WORDS: Final = (
    Word("nop", OpCode.NOP, Operand.NONE),
    Word("kmap", OpCode.KMAP, Operand.PAGE, result=True),
    Word("kunmap", OpCode.KUNMAP, Operand.PAGE),
    Word("kmap_atomic", OpCode.KMAP_ATOMIC, Operand.PAGE, result=True),
    Word("kmap_atomic_prot", OpCode.KMAP_ATOMIC_PROT, Operand.PAGE_PROT, result=True),
    Word("kmap_atomic_pfn", OpCode.KMAP_ATOMIC_PFN, Operand.PAGE, result=True),
    Word("kunmap_atomic", OpCode.KUNMAP_ATOMIC, Operand.ADDRESS),
    Word("kmap_local_page", OpCode.KMAP_LOCAL, Operand.PAGE, result=True),
    Word("kmap_local_page_prot", OpCode.KMAP_LOCAL_PROT, Operand.PAGE_PROT, result=True),
    Word("kmap_local_pfn", OpCode.KMAP_LOCAL_PFN, Operand.PAGE, result=True),
    Word("kunmap_local", OpCode.KUNMAP_LOCAL, Operand.ADDRESS),
    Word("iomap", OpCode.IOMAP, Operand.PAGE_PROT, result=True),
    Word("iounmap", OpCode.IOUNMAP, Operand.ADDRESS),
    Word("read", OpCode.READ, Operand.ADDRESS),
    Word("write", OpCode.WRITE, Operand.ADDRESS_VALUE),
    Word("page_address", OpCode.PAGE_ADDRESS, Operand.PAGE),
    Word("kmap_to_page", OpCode.KMAP_TO_PAGE, Operand.ADDRESS),
    Word("set_pte", OpCode.SET_PTE, Operand.ADDRESS_PTE),
    Word("flush_unused", OpCode.FLUSH_UNUSED, Operand.NONE),
    Word("invlpg", OpCode.INVLPG, Operand.ADDRESS),
    Word("irq_off", OpCode.IRQ_OFF, Operand.NONE),
    Word("irq_on", OpCode.IRQ_ON, Operand.NONE),
    Word("preempt_off", OpCode.PREEMPT_OFF, Operand.NONE),
    Word("preempt_on", OpCode.PREEMPT_ON, Operand.NONE),
    Word("sleep", OpCode.SLEEP, Operand.VALUE),
    Word("yield", OpCode.YIELD, Operand.NONE),
    Word("hardirq", OpCode.HARDIRQ, Operand.BLOCK),
    Word("softirq", OpCode.SOFTIRQ, Operand.BLOCK),
    Word("exit", OpCode.EXIT, Operand.NONE),
    Word("migrate", OpCode.MIGRATE, Operand.VALUE),
    Word("kmap_typed", OpCode.TYPED_MAP, Operand.PAGE_TYPE, result=True),
    Word("kunmap_typed", OpCode.TYPED_UNMAP, Operand.ADDRESS_TYPE),
    Word("signal", OpCode.SIGNAL, Operand.TASK),
    Word("interrupt", OpCode.INTERRUPT, Operand.INSTANT),
    Word("affinity", OpCode.AFFINITY, Operand.TASK_CPU),
    Word("cpu", OpCode.HOTPLUG, Operand.CPU_STATE),
    Word("await", OpCode.AWAIT, Operand.NONE),
    Word("fork", OpCode.FORK, Operand.NONE),
    Word("user", OpCode.USER, Operand.PAGE),
)
WORD_OF_NAME: Final = {word.name: word for word in WORDS}
WORD_OF_CODE: Final = {word.code: word for word in WORDS}

PROTS: Final = {
    "rw": Prot.KERNEL,
    "ro": Prot.RO,
    "nocache": Prot.NOCACHE,
    "wc": Prot.WC,
    "exec": Prot.EXEC,
}
PROT_NAMES: Final = {prot: name for name, prot in PROTS.items()}

TRIGGERS: Final = {trigger.name.lower(): trigger for trigger in Trigger}
WHERE: Final = {where.name.lower(): where for where in Where}

PAGE_KINDS: Final = {
    "high": PageKind.HIGH,
    "low": PageKind.LOW,
    "colliding": PageKind.COLLIDING,
    "above4g": PageKind.ABOVE_4G,
}
PAGE_KIND_NAMES: Final = {kind: name for name, kind in PAGE_KINDS.items()}
PAGE_LETTERS: Final = {
    "h": PageKind.HIGH,
    "l": PageKind.LOW,
    "c": PageKind.COLLIDING,
    "x": PageKind.ABOVE_4G,
}
LETTER_OF_KIND: Final = {kind: letter for letter, kind in PAGE_LETTERS.items()}

ATOMIC_MAPS: Final = frozenset(
    {OpCode.KMAP_ATOMIC, OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN}
)
LOCAL_MAPS: Final = frozenset({OpCode.KMAP_LOCAL, OpCode.KMAP_LOCAL_PROT, OpCode.KMAP_LOCAL_PFN})
LOCAL_ONLY: Final = LOCAL_MAPS | {OpCode.KUNMAP_LOCAL, OpCode.USER}
PFN_MAPS: Final = frozenset({OpCode.KMAP_ATOMIC_PFN, OpCode.KMAP_LOCAL_PFN, OpCode.IOMAP})
SLEEPING: Final = frozenset(
    {
        OpCode.KMAP,
        OpCode.KUNMAP,
        OpCode.SLEEP,
        OpCode.YIELD,
        OpCode.FLUSH_UNUSED,
        OpCode.MIGRATE,
        OpCode.EXIT,
        OpCode.AFFINITY,
        OpCode.HOTPLUG,
        OpCode.AWAIT,
        OpCode.FORK,
        OpCode.USER,
        OpCode.INTERRUPT,
    }
)
