"""Cutting a long program into requests, never inside an atomic section.

A task that holds a kmap_atomic, or has interrupts or preemption off, cannot wait for its
next command: the section must reach the module whole.
"""

from collections.abc import Iterator, Sequence

from harness.errors import UsageError
from harness.model.records.operation import (
    OPENS_CONTEXT,
    OPERATIONS,
    AtomicSection,
    OpCode,
    Operation,
)

BATCH_USUAL = 512
"""Operations after which a batch is cut at the next chance."""
BATCH_MOST = 2048
"""The room of one request."""

_IOMAP = frozenset({AtomicSection.IOMAP})
_SECTIONS = frozenset(AtomicSection)


def _entering(sections: frozenset[AtomicSection]) -> frozenset[OpCode]:
    """Return the operations that enter one of *sections*."""
    return frozenset(kind.code for kind in OPERATIONS.values() if kind.enters in sections)


def _leaving(sections: frozenset[AtomicSection]) -> frozenset[OpCode]:
    """Return the operations that leave one of *sections*."""
    return frozenset(kind.code for kind in OPERATIONS.values() if kind.leaves in sections)


def batches(
    operations: Sequence[Operation], *, iomap_atomic: bool = True
) -> Iterator[Sequence[Operation]]:
    """Yield *operations* in pieces, each as long as a request should be.

    Raises UsageError for an atomic section that is longer than a request can be. *iomap_atomic*:
    iomap enters such a section (iomap_atomic_prot_pfn(), to 5.10; iomap_local_pfn_prot() does
    not).
    """
    start = 0
    for end in safe_ends(operations, iomap_atomic=iomap_atomic):
        alone = operations[end - 1].code is OpCode.USER
        if end - start >= BATCH_USUAL or end == len(operations) or alone:
            if end - start > BATCH_MOST:
                raise UsageError(
                    f"operations {start} to {end} are one atomic section"
                    f" of more than {BATCH_MOST}",
                    hint="leave the section earlier",
                )
            yield operations[start:end]
            start = end
    if start < len(operations):
        yield operations[start:]


def safe_ends(operations: Sequence[Operation], *, iomap_atomic: bool = True) -> Iterator[int]:
    """Yield the positions after which no task is in an atomic section."""
    sections = _SECTIONS if iomap_atomic else _SECTIONS - _IOMAP
    opens, closes = _entering(sections), _leaving(sections)
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
        interrupted = operation.value if code in OPENS_CONTEXT else max(0, interrupted - 1)
        if not depths and not interrupted:
            yield end
