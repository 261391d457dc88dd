"""Checks of the values of a trace: each refuses what no run can have written, by name.

JSON's numbers may be of any size or not whole, and any value may stand where another belongs.
Nothing but values that these functions have seen reaches the judge.
"""

from collections.abc import Callable, Sequence
from operator import le
from typing import Any, Final, TypeVar

from harness.trace.trace_error import TraceError

T = TypeVar("T")

U8: Final = 0xFF
U16: Final = 0xFFFF
U32: Final = 0xFFFF_FFFF
U64: Final = 0xFFFF_FFFF_FFFF_FFFF
TEXT_MOST: Final = 65_536
"""Characters of a text: a console line or a command line is shorter."""

_SHOWN: Final = 40
_INTEGER: Final = {int}
_HINT: Final = "the file is damaged, or another program wrote it: record the run again"


def damaged(problem: str) -> TraceError:
    """The error of a record that no run has written; the reader adds file and line."""
    return TraceError(problem, hint=_HINT)


def shown(value: object) -> str:
    """*value* as a message shows it."""
    text = str(value) if type(value) is int and abs(value) <= U64 else _repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def _repr(value: object) -> str:
    """A short name of *value*, however big it is."""
    if isinstance(value, list | dict):
        return f"{type(value).__name__} of {len(value)}"
    return "a number of many digits" if type(value) is int else repr(value)


def integer(value: Any, name: str, low: int, high: int) -> int:  # noqa: ANN401 - any JSON value
    """*value*, which must be a whole number from *low* to *high*."""
    if type(value) is not int or not low <= value <= high:
        raise damaged(f"{name} is {shown(value)}, which is no number from {low} to {high}")
    return value


def text(value: Any, name: str) -> str:  # noqa: ANN401 - any JSON value
    """*value*, which must be a text."""
    if type(value) is not str or len(value) > TEXT_MOST:
        raise damaged(f"{name} is {shown(value)}, which is no text of a usual length")
    return value


def flag(value: Any, name: str) -> bool:  # noqa: ANN401 - any JSON value
    """*value*, which must be true or false."""
    if type(value) is not bool:
        raise damaged(f"{name} is {shown(value)}, which is neither true nor false")
    return value


def fields(value: Any, name: str, count: int) -> list[Any]:  # noqa: ANN401 - any JSON value
    """*value*, which must be a list of *count* values."""
    if type(value) is not list or len(value) != count:
        raise damaged(f"{name} is {shown(value)}, which is no list of {count} values")
    return value


def members(value: Any, name: str, keys: Sequence[str]) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """*value*, which must be an object that has *keys*."""
    if type(value) is not dict:
        raise damaged(f"{name} is {shown(value)}, which is no object")
    missing = [key for key in keys if key not in value]
    if missing:
        raise damaged(f"{name} lacks {missing[0]!r}")
    return value


def each(
    value: Any,  # noqa: ANN401 - any JSON value
    name: str,
    read: Callable[[Any, str], T],
    *,
    most: int = U32,
    count: int | None = None,
) -> tuple[T, ...]:
    """The items of *value*, a list of at most *most*, or of *count*; *read* checks each."""
    if type(value) is not list or len(value) > most:
        raise damaged(f"{name} is {shown(value)}, which is no list of at most {most} values")
    if count is not None and len(value) != count:
        raise damaged(f"{name} has {len(value)} values, not {count}")
    return tuple(read(item, name) for item in value)


class Numbers:
    """A list of whole numbers, each with a name and its range; the check is a fast one."""

    def __init__(self, *ranges: tuple[str, int, int]) -> None:
        self.names = tuple(name for name, _, _ in ranges)
        self._lows = tuple(low for _, low, _ in ranges)
        self._highs = tuple(high for _, _, high in ranges)

    def check(self, values: Sequence[Any]) -> None:
        """Raise TraceError unless *values* are numbers in their ranges."""
        if len(values) != len(self.names) or set(map(type, values)) != _INTEGER:
            self._refuse(values)
        if not (all(map(le, self._lows, values)) and all(map(le, values, self._highs))):
            self._refuse(values)

    def row(self, value: Any, name: str) -> list[int]:  # noqa: ANN401 - any JSON value
        """*value*, which must be such a list; messages call it *name*."""
        numbers = fields(value, name, len(self.names))
        self.check(numbers)
        return numbers

    def _refuse(self, values: Sequence[Any]) -> None:
        if len(values) != len(self.names):
            raise damaged(f"{len(values)} values where {len(self.names)} belong")
        for value, name, low, high in zip(
            values, self.names, self._lows, self._highs, strict=True
        ):
            integer(value, name, low, high)


def integers(low: int, high: int) -> Callable[[Any, str], int]:
    """What reads a number from *low* to *high*."""
    return lambda value, name: integer(value, name, low, high)
