"""Situations that a run has reached, counted from what was seen alone."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from harness.model.records.helper import operation_word
from harness.model.records.observation import Observation, Status
from harness.model.records.operation import (
    OPENS_CONTEXT,
    OPERATIONS,
    PFN_MAPS,
    WINDOW_MAPS,
    WINDOW_UNMAPS,
    OpCode,
    Operation,
)
from harness.trace.trace_records import Step

_SITUATIONS: Final = (
    "wrap",
    "flush of translations",
    "flush of nothing",
    "re-kmap at 1",
    "re-kmap in use",
    "blocked",
    "several waiters",
    "waiters for one page",
    "woken",
    "unmap with offset",
    "sleep with mappings",
    "hardirq",
    "interrupt inside",
    "softirq",
    "pfn form",
    "other protection",
    "fault",
)


@dataclass(slots=True)
class ReachedSituations:
    """Counts of operations, of situations, and the deepest window use of each CPU.

    ``situations`` has every situation, those never reached at 0.
    """

    operations: Counter[str] = field(default_factory=Counter)
    situations: Counter[str] = field(
        default_factory=lambda: Counter(dict.fromkeys(_SITUATIONS, 0))
    )
    depths: dict[int, Counter[int]] = field(default_factory=dict)
    _cursor: int = -1
    _waiting: dict[int, int] = field(default_factory=dict)

    def add(self, step: Step) -> None:
        """Count one step."""
        operation, seen = step.operation, step.observation
        self.operations[operation_word(operation)] += 1
        if operation.code is OpCode.KMAP:
            self._kmap(operation, seen)
        elif operation.code in WINDOW_MAPS:
            self._window(operation, seen)
        else:
            self._other(operation, seen)
        if seen.flush_scans:
            self.situations[
                "flush of translations" if seen.flush_ranges else "flush of nothing"
            ] += 1
        if seen.interrupts:
            self.situations["interrupt inside"] += 1
        if seen.done:
            self._woken(seen)
        self._cursor = seen.cursor

    def _kmap(self, operation: Operation, seen: Observation) -> None:
        if seen.status is Status.BLOCKED:
            self._blocked(operation)
        elif seen.slots and seen.cursor == self._cursor and not seen.flush_scans:
            self.situations["re-kmap at 1" if seen.slots[0].count == 2 else "re-kmap in use"] += 1
        elif seen.slots and seen.flush_scans:
            self.situations["wrap"] += 1

    def _blocked(self, operation: Operation) -> None:
        self.situations["blocked"] += 1
        self.situations["several waiters"] += bool(self._waiting)
        self.situations["waiters for one page"] += operation.page in self._waiting.values()
        self._waiting[operation.task] = operation.page

    def _woken(self, seen: Observation) -> None:
        for completion in seen.done:
            self.situations["woken"] += 1
            self._waiting.pop(completion.task, None)

    def _window(self, operation: Operation, seen: Observation) -> None:
        if seen.windows:
            self.depths.setdefault(seen.cpu, Counter())[seen.depth] += 1
        if operation.code in PFN_MAPS:
            self.situations["pfn form"] += 1
        if operation.prot:
            self.situations["other protection"] += 1

    def _other(self, operation: Operation, seen: Observation) -> None:
        code = operation.code
        if code in OPENS_CONTEXT:
            self.situations[OPERATIONS[code].word] += 1
        elif code in WINDOW_UNMAPS and operation.offset:
            self.situations["unmap with offset"] += 1
        elif code is OpCode.SLEEP and seen.depth > 0:
            self.situations["sleep with mappings"] += 1
        if seen.status is Status.FAULT:
            self.situations["fault"] += 1

    def merge(self, other: "ReachedSituations") -> None:
        """Add the counts of *other*."""
        self.operations.update(other.operations)
        self.situations.update(other.situations)
        for cpu, depths in other.depths.items():
            self.depths.setdefault(cpu, Counter()).update(depths)

    @property
    def deepest(self) -> dict[int, int]:
        """Deepest use of each CPU's window."""
        return {cpu: max(depths) for cpu, depths in sorted(self.depths.items())}
