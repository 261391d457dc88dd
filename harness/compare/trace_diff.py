"""Compares two traces step by step: where did two kernels do different things?

Frames are named by page id before they are compared: two guests give their pages
different frames, and that is no difference.
"""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import NamedTuple

from harness.model.records.layout import FRAME_MASK, PAGE_SHIFT, PAGE_SIZE, Generation, Layout
from harness.model.records.observation import Observation
from harness.model.records.operation import OpCode
from harness.model.records.outcome import INVLPG
from harness.model.records.page import Page
from harness.trace.trace_records import Begin, Header, Record, Step


class ProgramSteps(NamedTuple):
    """The steps of one program of one trace."""

    name: str
    pages: tuple[Page, ...]
    steps: tuple[Step, ...]


class StepDifference(NamedTuple):
    """One step in which two traces differ; None where one of them has no such step.

    ``fields`` are those of the observation that differ, or ``operation``, or ``missing``.
    """

    program: str
    number: int
    left: Step | None
    right: Step | None
    fields: tuple[str, ...]


class TraceDifference(NamedTuple):
    """All differences of two traces; ``compared`` steps stand in both.

    ``switched`` are steps that differ only by the INVLPGs of a task that lost its CPU with
    local mappings live: that depends on how busy the host was, and is no difference.
    """

    compared: int
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]
    steps: tuple[StepDifference, ...]
    switched: tuple[StepDifference, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether something was compared and nothing differs."""
        return self.compared > 0 and not (self.only_left or self.only_right or self.steps)


def programs(records: Iterable[Record]) -> Iterator[ProgramSteps]:
    """The programs of a trace, one at a time."""
    begin: Begin | None = None
    steps: list[Step] = []
    for record in records:
        if isinstance(record, Begin):
            if begin is not None:
                yield ProgramSteps(begin.program.name, begin.pages, tuple(steps))
            begin, steps = record, []
        elif isinstance(record, Step):
            steps.append(record)
    if begin is not None:
        yield ProgramSteps(begin.program.name, begin.pages, tuple(steps))


def compare_traces(
    left: tuple[Header, Iterable[Record]], right: tuple[Header, Iterable[Record]]
) -> TraceDifference:
    """Compare the programs of the same name, step by step."""
    ours = {program.name: program for program in programs(left[1])}
    theirs = {program.name: program for program in programs(right[1])}
    common = [name for name in ours if name in theirs]
    local = left[0].layout.generation is right[0].layout.generation is Generation.LOCAL
    found: list[StepDifference] = []
    switched: list[StepDifference] = []
    compared = 0
    for name in common:
        for one in _steps(
            _names(left[0].layout, ours[name]), _names(right[0].layout, theirs[name])
        ):
            (switched if local and _switched(one) else found).append(one)
        compared += min(len(ours[name].steps), len(theirs[name].steps))
    only_left, only_right = set(ours) - set(theirs), set(theirs) - set(ours)
    return TraceDifference(
        compared,
        tuple(sorted(only_left)),
        tuple(sorted(only_right)),
        tuple(found),
        tuple(switched),
    )


def _switched(one: StepDifference) -> bool:
    """Whether the difference may be that of an involuntary context switch on one side.

    The switch flushes each live local mapping with one INVLPG (__kmap_local_sched_out(),
    mm/highmem.c, 5.11).  A step that unmaps a window flushes by itself, on both sides.
    """
    if one.left is None or one.right is None or not INVLPG.issuperset(one.fields):
        return False
    seen = one.left.observation
    counts = (seen.invlpgs, one.right.observation.invlpgs)
    unmaps = any(not change.pte for change in seen.windows)
    return counts[0] != counts[1] and bool(seen.depth or unmaps) and min(counts) >= unmaps


class _Named(NamedTuple):
    """A program with what is needed to name its frames by page."""

    program: ProgramSteps
    layout: Layout
    ids: dict[int, int]

    def pte(self, pte: int) -> int:
        """*pte* with the page's id for its frame."""
        page = self.ids.get((pte & FRAME_MASK) >> PAGE_SHIFT)
        return pte if page is None or not pte else (pte & ~FRAME_MASK) | (page << PAGE_SHIFT)

    def address(self, address: int) -> int:
        """*address* as it would be in every guest.

        In the direct map the page's id replaces its frame.  The typed window is the module's, at
        another place in each guest: there the address counts from the top.
        """
        if self.layout.in_typed(address):
            return address - self.layout.typed_top
        if not self.layout.page_offset <= address < self.layout.high_memory:
            return address
        frame = (address - self.layout.page_offset) >> PAGE_SHIFT
        page = self.ids.get(frame, frame)
        return self.layout.page_offset + (page << PAGE_SHIFT) + address % PAGE_SIZE

    def value(self, code: OpCode, value: int) -> int:
        """The result of an operation: a pfn, data, or an address."""
        if code is OpCode.KMAP_TO_PAGE:
            return self.ids.get(value, value)
        return value if code is OpCode.READ else self.address(value)

    def observation(self, step: Step) -> Observation:
        """What was seen, without frames."""
        seen = step.observation
        return seen._replace(
            value=self.value(step.operation.code, seen.value),
            pte=self.pte(seen.pte),
            page_address=self.address(seen.page_address),
            slots=tuple(change._replace(pte=self.pte(change.pte)) for change in seen.slots),
            windows=tuple(change._replace(pte=self.pte(change.pte)) for change in seen.windows),
            saved=tuple(change._replace(pte=self.pte(change.pte)) for change in seen.saved),
        )


def _names(layout: Layout, program: ProgramSteps) -> _Named:
    return _Named(program, layout, {page.pfn: number for number, page in enumerate(program.pages)})


def _steps(left: _Named, right: _Named) -> Iterator[StepDifference]:
    name = left.program.name
    for number, (one, other) in enumerate(zip_longest(left.program.steps, right.program.steps)):
        fields = _fields(left, one, right, other)
        if fields:
            yield StepDifference(name, number, one, other, fields)


def _fields(left: _Named, one: Step | None, right: _Named, other: Step | None) -> tuple[str, ...]:
    if one is None or other is None:
        return ("missing",)
    if one.operation != other.operation:
        return ("operation",)
    pairs = zip(left.observation(one), right.observation(other), strict=True)
    return tuple(name for name, (a, b) in zip(Observation._fields, pairs, strict=True) if a != b)
