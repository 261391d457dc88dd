"""Checks what the author of a scenario expects to see; the model judges the same step apart."""

from collections.abc import Collection, Iterator
from typing import Final

from harness.compare.divergence import FailedAssertion
from harness.model.records.layout import TYPED_FIRST, Layout
from harness.model.records.observation import Observation
from harness.scenario.program import Assertion, Program
from harness.trace.trace_records import Step

_PREEMPT_DEPTH: Final = 0xFF
_EVIDENCE: Final = {"count": "counts"}
"""The field of an observation that an assertion of another name rests on."""


class AssertionChecker:
    """Checks the assertions of one program; ``start`` is the cursor before its first step.

    Assertions count from the cursor after the program's opening.
    """

    def __init__(self, program: Program, layout: Layout, start: int) -> None:
        self._layout = layout
        self._file = program.file or program.name
        self._start = start
        self._opened = program.opening - 1
        self._by_step: dict[int, list[Assertion]] = {}
        for assertion in program.assertions:
            self._by_step.setdefault(assertion.step, []).append(assertion)

    def wanted(self, step: int) -> bool:
        """Tell whether something was asserted of *step*, or counts from it."""
        return step in self._by_step or step == self._opened

    def check(self, record: Step, blanked: Collection[str] = ()) -> Iterator[FailedAssertion]:
        """The assertions of this step that fail, but for those that need *blanked* evidence."""
        if record.number == self._opened:
            self._start = record.observation.cursor
        for assertion in self._by_step.get(record.number, ()):
            if (assertion.relative and "cursor" in blanked) or _EVIDENCE.get(
                assertion.field, assertion.field
            ) in blanked:
                continue
            wanted = self._wanted(assertion)
            seen = self._seen(assertion.field, record.observation)
            if seen != wanted:
                yield FailedAssertion(
                    record.number,
                    assertion.line,
                    assertion.field,
                    wanted,
                    seen,
                    f"{self._file}:{assertion.line}",
                    assertion.text,
                )

    def _wanted(self, assertion: Assertion) -> int:
        if assertion.relative:
            return (self._start + assertion.value) % self._layout.last_pkmap
        return assertion.value

    def _seen(self, field: str, seen: Observation) -> int | None:
        """Value of *field*; None where this step has none."""
        match field:
            case "pte":
                return seen.pte & 1
            case "slot":
                return (
                    self._layout.pkmap_slot(seen.value)
                    if self._layout.in_pkmap(seen.value)
                    else None
                )
            case "window" | "typed":
                first = TYPED_FIRST if field == "typed" else self._layout.window_index(seen.cpu, 0)
                return self._layout.fixindex(seen.value) - first
            case "count":
                return seen.slots[0].count if len(seen.slots) == 1 else self._count_of_result(seen)
            case "preempt":
                return seen.preempt & _PREEMPT_DEPTH
        return int(getattr(seen, field))

    def _count_of_result(self, seen: Observation) -> int | None:
        slot = self._layout.pkmap_slot(seen.value) if self._layout.in_pkmap(seen.value) else -1
        return next((change.count for change in seen.slots if change.slot == slot), None)
