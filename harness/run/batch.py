"""Cutting a program into requests.

A request is executed in the guest without asking the host, so an atomic section (and
the nested program of an interrupt) must lie within one request: a task that holds a
kmap_atomic cannot wait for its next command.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

from harness.model.operation import OpCode, Operation

_ENTERS = frozenset(
    {
        OpCode.KMAP_ATOMIC,
        OpCode.KMAP_ATOMIC_PROT,
        OpCode.KMAP_ATOMIC_PFN,
        OpCode.IRQ_OFF,
        OpCode.PREEMPT_OFF,
    }
)
_LEAVES = frozenset({OpCode.KUNMAP_ATOMIC, OpCode.IRQ_ON, OpCode.PREEMPT_ON})
_NESTS = frozenset({OpCode.HARDIRQ, OpCode.SOFTIRQ})


class _Sections:
    """Open atomic sections, by task, and how many operations of an interrupt are still to come.

    iomap sections count as atomic in the stack generation (``iomap_atomic_prot_pfn``) and
    are harmless to count in the local one.
    """

    def __init__(self) -> None:
        self._open: Counter[int] = Counter()
        self._nested = 0

    def advance(self, operation: Operation) -> bool:
        """Take one operation; whether a request may end after it."""
        self._nested = max(self._nested - 1, 0)
        code, task = operation.code, operation.task
        if code in _ENTERS or code is OpCode.IOMAP:
            self._open[task] += 1
        elif (code in _LEAVES or code is OpCode.IOUNMAP) and self._open[task]:
            self._open[task] -= 1
        elif code in _NESTS:
            self._nested = operation.value
        return not self._nested and not any(self._open.values())


def batches(operations: Sequence[Operation], limit: int) -> Iterator[Sequence[Operation]]:
    """Split *operations* into requests of about *limit* operations that no section spans.

    A section longer than *limit* makes a longer request; one that is never closed ends
    with the program.
    """
    sections = _Sections()
    start = 0
    for position, operation in enumerate(operations, 1):
        if sections.advance(operation) and position - start >= limit:
            yield operations[start:position]
            start = position
    if start < len(operations):
        yield operations[start:]
