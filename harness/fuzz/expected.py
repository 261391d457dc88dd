"""What the model expects of the step that failed, as an author would have written it."""

from collections.abc import Iterator
from typing import Final

from harness.compare.divergence import Divergence
from harness.model.records.observation import Observation, Status
from harness.model.records.operation import OpCode
from harness.scenario.program import Assertion

_PREEMPT_DEPTH: Final = 0xFF


def expectations_of(divergence: Divergence) -> tuple[Assertion, ...]:
    """The fields of which all allowed outcomes say one thing, and the kernel another."""
    seen = divergence.seen
    if seen is None or not divergence.allowed:
        return ()
    read = divergence.operation is not None and divergence.operation.code is OpCode.READ
    wanted = [dict(_fields(one.observation, read=read)) for one in divergence.allowed]
    found = dict(_fields(seen, read=read))
    return tuple(
        Assertion(divergence.step, field, value, relative=False, line=0)
        for field, value in wanted[0].items()
        if found.get(field) != value and all(one.get(field) == value for one in wanted)
    )


def _fields(seen: Observation, *, read: bool) -> Iterator[tuple[str, int]]:
    """What an expectation can be about; a step that has not ended well says nothing else."""
    yield "status", seen.status
    if seen.status is not Status.OK:
        return
    if read:
        yield "value", seen.value
    yield "pte", seen.pte & 1
    yield "depth", seen.depth
    yield "preempt", seen.preempt & _PREEMPT_DEPTH
    yield "pagefault", seen.pagefault
