"""Features of what a program reached: what makes it worth to draw others like it."""

from harness.model.records.layout import PAGE_SIZE
from harness.model.records.observation import Observation
from harness.model.records.operation import OPERATIONS, Operation, OperationFlag
from harness.trace.trace_records import Record, Step


class ReachedFeatures:
    """Collects the features of a program's steps."""

    def __init__(self) -> None:
        self._seen: set[str] = set()
        self._before = "start"

    @property
    def seen(self) -> frozenset[str]:
        """The features until now."""
        return frozenset(self._seen)

    def take(self, record: Record) -> None:
        """Look at one record of a run."""
        if not isinstance(record, Step):
            return
        here = _shape_of(record.operation, record.observation)
        self._seen.add(here)
        self._seen.add(f"{self._before} > {here}")
        self._before = here


def _shape_of(operation: Operation, seen: Observation) -> str:
    """An operation with its kind of operand, how it ended, and the state that it met."""
    kind = OPERATIONS[operation.code]
    parts = [kind.word, seen.status.name]
    if OperationFlag.HAS_ADDRESS in kind.flags:
        parts += [operation.base.name, _offset(operation.offset)]
    parts.append(f"depth {min(seen.depth, 4)}")
    if seen.flush_scans:
        parts.append("flush")
    if seen.interrupts:
        parts.append("interrupted")
    if seen.waiters:
        parts.append("waiters")
    return " ".join(parts)


def _offset(offset: int) -> str:
    if not offset:
        return "start"
    return "inside" if 0 < offset < PAGE_SIZE else "beside"
