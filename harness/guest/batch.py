"""Cutting a long program into requests, never inside an atomic section.

A task that holds a kmap_atomic, or has interrupts or preemption off, cannot wait for its
next command: the section must reach the module whole.
"""

from collections.abc import Iterator, Sequence

from harness.errors import UsageError
from harness.model.records.operation import OpCode, Operation

BATCH_USUAL = 512
"""Operations after which a batch is cut at the next chance."""
BATCH_MOST = 2048
"""What one request can hold."""

_OPENS = frozenset(
    {
        OpCode.KMAP_ATOMIC,
        OpCode.KMAP_ATOMIC_PROT,
        OpCode.KMAP_ATOMIC_PFN,
        OpCode.IRQ_OFF,
        OpCode.PREEMPT_OFF,
    }
)
_CLOSES = frozenset({OpCode.KUNMAP_ATOMIC, OpCode.IRQ_ON, OpCode.PREEMPT_ON})


def batches(
    operations: Sequence[Operation], *, iomap_atomic: bool = True
) -> Iterator[Sequence[Operation]]:
    """*operations* in pieces.  Raises UsageError for an atomic section that is longer than a request.

    *iomap_atomic*: iomap enters one (iomap_atomic_prot_pfn(), to 5.10; iomap_local_pfn_prot() does not).
    """
    start = 0
    for end in safe_ends(operations, iomap_atomic=iomap_atomic):
        alone = operations[end - 1].code is OpCode.USER
        if end - start >= BATCH_USUAL or end == len(operations) or alone:
            if end - start > BATCH_MOST:
                raise UsageError(
                    f"operations {start} to {end} are one atomic section of more than {BATCH_MOST}",
                    hint="leave the section earlier",
                )
            yield operations[start:end]
            start = end
    if start < len(operations):
        yield operations[start:]


def safe_ends(operations: Sequence[Operation], *, iomap_atomic: bool = True) -> Iterator[int]:
    """Positions after which no task is in an atomic section."""
    opens = _OPENS | {OpCode.IOMAP} if iomap_atomic else _OPENS
    closes = _CLOSES | {OpCode.IOUNMAP} if iomap_atomic else _CLOSES
    depths: dict[int, int] = {}
    interrupted = 0
    for end, operation in enumerate(operations, 1):
        code, task = operation.code, operation.task
        if code in opens:
            depths[task] = depths.get(task, 0) + 1
        elif code in closes and depths.get(task):
            depths[task] -= 1
            if not depths[task]:
                del depths[task]
        interrupted = (
            operation.value
            if code in (OpCode.HARDIRQ, OpCode.SOFTIRQ)
            else max(0, interrupted - 1)
        )
        if not depths and not interrupted:
            yield end
