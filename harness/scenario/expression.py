"""Integer expressions over the guest's numbers (``N``, ``M``, ...) and loop variables."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from harness.scenario.scenario_error import ScenarioError, SourcePlace


@dataclass(frozen=True, slots=True)
class Number:
    """A literal; two of one value are equal wherever they stand."""

    value: int


@dataclass(frozen=True, slots=True)
class Name:
    """A number of the guest or a loop variable."""

    name: str
    where: SourcePlace


@dataclass(frozen=True, slots=True)
class Binary:
    """``left operator right``, all integers; ``/`` and ``%`` are Python's on integers."""

    operator: str
    left: "Expression"
    right: "Expression"
    where: SourcePlace


Expression: TypeAlias = Number | Name | Binary

ZERO: Final = Number(0)


def evaluate(expression: Expression, names: Mapping[str, int]) -> int:
    """Value of *expression*.

    Raises ScenarioError for a name that is not in *names*, and for a division by zero.
    """
    if isinstance(expression, Number):
        return expression.value
    if isinstance(expression, Name):
        return _lookup(expression, names)
    return _apply(expression, evaluate(expression.left, names), evaluate(expression.right, names))


def _lookup(name: Name, names: Mapping[str, int]) -> int:
    if name.name not in names:
        known = ", ".join(sorted(names))
        raise ScenarioError(
            name.where, "unknown number", offending=name.name, hint=f"known here: {known}"
        )
    return names[name.name]


def _apply(node: Binary, left: int, right: int) -> int:
    match node.operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
    if right == 0:
        raise ScenarioError(node.where, "division by zero", offending=node.operator)
    return left // right if node.operator == "/" else left % right
