"""Compares two traces step by step: where did two kernels do different things?

Slots, entries of windows, pages and protections are compared by their roles: two kernels
have them at other addresses, and two guests give their pages other frames.
"""

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import Final, NamedTuple

from harness.compare.evidence_mask import evidence_mask
from harness.compare.roles import Role, RoleNames
from harness.model.records.interrupt import Trigger, armed_of
from harness.model.records.layout import Generation
from harness.model.records.observation import Observation
from harness.model.records.operation import OpCode, Operation
from harness.model.records.outcome import INVLPG
from harness.model.records.page import Page
from harness.trace.trace_records import Begin, Header, Record, Step

_OF_ONE_GENERATION: Final = frozenset({"saved", "migrate"})
"""Fields that only the local generation has."""

_MISSING: Final = ("missing",)
"""In place of the fields of a step that one of the traces does not have."""


class ProgramSteps(NamedTuple):
    """The steps of one program of one trace; ``opening`` of them are not its author's.

    ``cursor`` is where the cursor stands when those begin.
    """

    name: str
    pages: tuple[Page, ...]
    steps: tuple[Step, ...]
    opening: int = 0
    cursor: int = 0


class StepDifference(NamedTuple):
    """One step in which two traces differ; None where one of them has no such step.

    ``fields`` are those of the observation that differ, or ``operation``, or ``missing``;
    ``roles`` has what each trace has in each of them.
    """

    program: str
    number: int
    left: Step | None
    right: Step | None
    fields: tuple[str, ...]
    roles: tuple[tuple[Role, Role], ...] = ()


class TraceDifference(NamedTuple):
    """All differences of two traces; ``compared`` steps stand in both.

    ``switched`` are steps that differ only by the INVLPGs of a task that lost its CPU with
    local mappings live: that depends on how busy the host was, and is no difference.
    ``left_out`` steps may meet an interrupt that comes elsewhere; they were not compared.
    """

    compared: int
    only_left: tuple[str, ...]
    only_right: tuple[str, ...]
    steps: tuple[StepDifference, ...]
    switched: tuple[StepDifference, ...] = ()
    left_out: int = 0

    @property
    def equal(self) -> bool:
        """Tell whether something was compared and nothing differs."""
        return self.compared > 0 and not (self.only_left or self.only_right or self.steps)


def programs(records: Iterable[Record]) -> Iterator[ProgramSteps]:
    """The programs of a trace, one at a time."""
    begin: Begin | None = None
    steps: list[Step] = []
    for record in records:
        if isinstance(record, Begin):
            if begin is not None:
                yield _program(begin, tuple(steps))
            begin, steps = record, []
        elif isinstance(record, Step):
            steps.append(record)
    if begin is not None:
        yield _program(begin, tuple(steps))


def _program(begin: Begin, steps: tuple[Step, ...]) -> ProgramSteps:
    name, opening = begin.program.name, min(begin.program.opening, len(steps))
    cursor = steps[opening - 1].observation.cursor if opening else begin.start.cursor
    return ProgramSteps(name, begin.pages, steps, opening, cursor)


class _Side(NamedTuple):
    """A program of one trace, and the names of what it maps."""

    program: ProgramSteps
    names: RoleNames


class _Pair(NamedTuple):
    """Two steps of one number: their difference, if any, or that they were not compared."""

    difference: StepDifference | None
    left_out: bool

    @property
    def compared(self) -> bool:
        """Tell whether both traces have the step, and it was compared."""
        one = self.difference
        return not self.left_out and not (one and one.fields == _MISSING)


def compare_traces(
    left: tuple[Header, Iterable[Record]],
    right: tuple[Header, Iterable[Record]],
    *,
    timers: bool = True,
) -> TraceDifference:
    """Compare the programs of the same name, step by step; what both guests can show.

    Without *timers* the steps are left out that an interrupt by a timer may meet.  So are those
    that one at an instruction may meet, where the kernels' functions have other instructions.
    """
    ours = {program.name: program for program in programs(left[1])}
    theirs = {program.name: program for program in programs(right[1])}
    masked = _masked(left[0], right[0])
    triggers = _incomparable(left[0], right[0], timers=timers)
    pairs = [
        pair
        for name in (name for name in ours if name in theirs)
        for pair in _steps(
            (_side(left[0], ours[name]), _side(right[0], theirs[name])), masked, triggers
        )
    ]
    local = left[0].layout.generation is right[0].layout.generation is Generation.LOCAL
    return _difference(pairs, set(ours), set(theirs), local=local)


def _difference(
    pairs: list[_Pair], ours: set[str], theirs: set[str], *, local: bool
) -> TraceDifference:
    """The differences of *pairs*; *local*: both kernels flush at an involuntary switch."""
    differing = [pair.difference for pair in pairs if pair.difference]
    return TraceDifference(
        sum(pair.compared for pair in pairs),
        tuple(sorted(ours - theirs)),
        tuple(sorted(theirs - ours)),
        tuple(one for one in differing if not (local and _switched(one))),
        tuple(one for one in differing if local and _switched(one)),
        sum(pair.left_out for pair in pairs),
    )


def _masked(left: Header, right: Header) -> frozenset[str]:
    """Fields that one of the kernels cannot show, or does not have."""
    blanked = frozenset(evidence_mask(left.evidence & right.evidence).blanked)
    other = left.layout.generation is not right.layout.generation
    return blanked | (_OF_ONE_GENERATION if other else frozenset())


def _incomparable(left: Header, right: Header, *, timers: bool) -> frozenset[int]:
    """Triggers of interrupts that come elsewhere in the two guests."""
    same = left.layout.instructions == right.layout.instructions
    return frozenset(
        trigger
        for trigger in Trigger
        if (trigger < Trigger.MAP and not timers) or (trigger >= Trigger.MAP and not same)
    )


def _side(header: Header, program: ProgramSteps) -> _Side:
    return _Side(program, RoleNames(header.layout, program.pages, program.cursor))


def _switched(one: StepDifference) -> bool:
    """Tell whether the difference may be that of an involuntary context switch on one side.

    The switch flushes each live local mapping with one INVLPG (__kmap_local_sched_out(),
    mm/highmem.c, 5.11).  A step that unmaps a window flushes by itself, on both sides.
    """
    if one.left is None or one.right is None or not INVLPG.issuperset(one.fields):
        return False
    seen = one.left.observation
    counts = (seen.invlpgs, one.right.observation.invlpgs)
    unmaps = any(not change.pte for change in seen.windows)
    return counts[0] != counts[1] and bool(seen.depth or unmaps) and min(counts) >= unmaps


def _steps(
    sides: tuple[_Side, _Side], masked: frozenset[str], triggers: frozenset[int]
) -> Iterator[_Pair]:
    """The steps of one program of both traces, side by side; openings that differ are left out.

    So are the steps that an interrupt by one of *triggers* may meet.
    """
    left, right = sides
    opening = left.program.opening
    watch = _InstantWatch(triggers)
    alike = left.program.opening == right.program.opening
    ours, theirs = (side.program.steps[0 if alike else side.program.opening :] for side in sides)
    for number, (one, other) in enumerate(zip_longest(ours, theirs), 0 if alike else opening):
        if watch.met(one, other):
            yield _Pair(None, left_out=True)
            continue
        fields, roles = _fields(left, one, right, other, masked)
        found = StepDifference(left.program.name, number, one, other, fields, roles)
        yield _Pair(found if fields else None, left_out=False)


def _fields(
    left: _Side, one: Step | None, right: _Side, other: Step | None, masked: frozenset[str]
) -> tuple[tuple[str, ...], tuple[tuple[Role, Role], ...]]:
    """The fields that differ, and the roles that both have there."""
    if one is None or other is None:
        return _MISSING, ()
    if one.operation != other.operation:
        operations = left.names.operation(one.operation), right.names.operation(other.operation)
        if operations[0] != operations[1]:
            return ("operation",), ()
    seen = (
        left.names.observation(one.operation, one.observation),
        right.names.observation(other.operation, other.observation),
    )
    differing = [
        (name, (a, b))
        for name, a, b in zip(Observation._fields, *seen, strict=True)
        if a != b and name not in masked
    ]
    return tuple(name for name, _ in differing), tuple(roles for _, roles in differing)


class _InstantWatch:
    """Tells the steps that an interrupt by one of *triggers* may meet, and those that arm it."""

    def __init__(self, triggers: frozenset[int]) -> None:
        self._triggers = triggers
        self._task = -1
        self._skip = 0

    def met(self, *steps: Step | None) -> bool:
        """Tell whether an interrupt may meet one of *steps*, of the same number; ask in order."""
        if not self._triggers:
            return False
        operations = [step.operation for step in steps if step is not None]
        for operation in operations:
            if operation.code is OpCode.INTERRUPT:
                return self._arm(operation)
        if not any(operation.task == self._task for operation in operations):
            return False
        self._skip -= 1
        if self._skip < 0:
            self._task = -1
        return True

    def _arm(self, operation: Operation) -> bool:
        wanted = armed_of(operation.page, operation.reg, operation.value)
        found = wanted.trigger in self._triggers
        self._task, self._skip = (operation.task, wanted.skip) if found else (-1, 0)
        return found
