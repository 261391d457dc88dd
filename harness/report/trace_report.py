"""Two traces held against each other, in words and as JSON values."""

from collections.abc import Iterator
from typing import Any

from harness.compare.roles import Role
from harness.compare.trace_diff import StepDifference, TraceDifference
from harness.scenario.program_text import operation_text

_SHOWN = 20


def trace_lines(difference: TraceDifference) -> Iterator[str]:
    """The number of equal steps, and the first steps that differ, field by field."""
    yield f"compared    {difference.compared} steps that both traces have"
    for side, names in (("first", difference.only_left), ("second", difference.only_right)):
        if names:
            yield f"only in the {side}: {', '.join(names)}"
    yield f"differences {len(difference.steps)} steps"
    if difference.switched:
        switch = "with flushes of an involuntary context switch on one side"
        yield f"switched    {len(difference.switched)} steps, {switch}"
    if difference.left_out:
        why = "whose interrupt comes elsewhere in the other guest"
        yield f"left out    {difference.left_out} steps {why}"
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
    for name, (left, right) in zip(one.fields, one.roles, strict=True):
        yield f"    {name:15} {_role(left)} | {_role(right)}"


def _role(role: Role) -> str:
    """A role, or a list of several, as people read it."""
    if not isinstance(role, tuple):
        return str(role)
    return "(" + ", ".join(map(_role, role)) + ")"


def difference_value(difference: TraceDifference) -> dict[str, Any]:
    """The comparison as one JSON object."""
    return {
        "equal": difference.equal,
        "compared": difference.compared,
        "only_first": difference.only_left,
        "only_second": difference.only_right,
        "switched": len(difference.switched),
        "left_out": difference.left_out,
        "steps": [
            {"program": one.program, "step": one.number, "fields": one.fields}
            for one in difference.steps
        ],
    }
