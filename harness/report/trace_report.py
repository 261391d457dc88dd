"""Two traces held against each other, in words and as JSON values."""

from collections.abc import Iterator
from typing import Any

from harness.compare.divergence_words import field_words
from harness.compare.trace_diff import StepDifference, TraceDifference
from harness.scenario.program_text import operation_text

_SHOWN = 20


def trace_lines(difference: TraceDifference) -> Iterator[str]:
    """What is the same, and the first steps that are not, field by field."""
    yield f"compared    {difference.compared} steps that both traces have"
    for side, names in (("first", difference.only_left), ("second", difference.only_right)):
        if names:
            yield f"only in the {side}: {', '.join(names)}"
    yield f"differences {len(difference.steps)} steps"
    if difference.switched:
        switch = "with flushes of an involuntary context switch on one side"
        yield f"switched    {len(difference.switched)} steps, {switch}"
    for one in difference.steps[:_SHOWN]:
        yield from _step_lines(one)
    if len(difference.steps) > _SHOWN:
        yield f"... and {len(difference.steps) - _SHOWN} more"
    yield "verdict     " + ("EQUAL" if difference.equal else "DIFFERENT")


def _step_lines(one: StepDifference) -> Iterator[str]:
    step = one.left or one.right
    assert step is not None, "a difference has a step on one side at least"
    yield f"  {one.program} step {one.number}: {operation_text(step.operation)}"
    if one.left is None or one.right is None:
        yield f"    only in the {'second' if one.left is None else 'first'} trace"
        return
    if "operation" in one.fields:
        yield f"    the second trace has: {operation_text(one.right.operation)}"
        return
    for name in one.fields:
        left, right = (
            field_words(name, getattr(side.observation, name)) for side in (one.left, one.right)
        )
        yield f"    {name:15} {left} | {right}"


def difference_value(difference: TraceDifference) -> dict[str, Any]:
    """The comparison as one JSON object."""
    return {
        "equal": difference.equal,
        "compared": difference.compared,
        "only_first": difference.only_left,
        "only_second": difference.only_right,
        "switched": len(difference.switched),
        "steps": [
            {"program": one.program, "step": one.number, "fields": one.fields}
            for one in difference.steps
        ],
    }
