"""Checks of the values of a trace: each refuses what no run can have written, by name.

JSON's numbers may be of any size or not whole, and any value may stand where another belongs.
Nothing but values that these functions have seen reaches the judge.
"""

from collections.abc import Callable, Iterable, Sequence
from struct import Struct, pack
from struct import error as struct_error
from typing import Any, Final, NoReturn, TypeVar

from harness.trace.trace_error import TraceError

T = TypeVar("T")

U8: Final = 0xFF
U16: Final = 0xFFFF
U32: Final = 0xFFFF_FFFF
U64: Final = 0xFFFF_FFFF_FFFF_FFFF
TEXT_MOST: Final = 65_536
"""Characters of a text: a console line or a command line is shorter."""

_SHOWN: Final = 40
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
    return tuple(read(item, name) for item in _listed(value, name, most, count))


def _listed(
    value: Any,  # noqa: ANN401 - any JSON value
    name: str,
    most: int,
    count: int | None,
) -> list[Any]:
    if type(value) is not list or len(value) > most:
        raise damaged(f"{name} is {shown(value)}, which is no list of at most {most} values")
    if count is not None and len(value) != count:
        raise damaged(f"{name} has {len(value)} values, not {count}")
    return value


def words(
    value: Any,  # noqa: ANN401 - any JSON value
    name: str,
    high: int,
    *,
    most: int = U32,
    count: int | None = None,
) -> tuple[int, ...]:
    """The same for a list of numbers from 0 to *high*, which is U32 or U64."""
    listed = _listed(value, name, most, count)
    try:
        pack(f"<{len(listed)}{'I' if high == U32 else 'Q'}", *listed)
    except struct_error:
        for item in listed:
            integer(item, name, 0, high)
    return tuple(listed)


_FORMATS: Final = (
    ("B", 0, U8),
    ("H", 0, U16),
    ("I", 0, U32),
    ("Q", 0, U64),
    ("h", -(1 << 15), (1 << 15) - 1),
    ("i", -(1 << 31), (1 << 31) - 1),
    ("q", -(1 << 63), (1 << 63) - 1),
)
"""Formats of ``struct`` with the numbers that each can pack."""


class Numbers:
    """A list of whole numbers, each with a name and its range.

    ``struct`` checks most of it, at the speed of C: it packs nothing but numbers that fit.
    """

    def __init__(self, *ranges: tuple[str, int, int]) -> None:
        self._ranges = ranges
        fitting = [
            next(one for one in _FORMATS if one[1] <= low and high <= one[2])
            for _, low, high in ranges
        ]
        self._pack = Struct("<" + "".join(one[0] for one in fitting)).pack
        self._narrower = tuple(
            (place, low, high)
            for place, (_, low, high) in enumerate(ranges)
            if (low, high) != fitting[place][1:]
        )

    def check(self, values: Sequence[Any]) -> None:
        """Raise TraceError unless *values* are numbers in their ranges."""
        try:
            self._pack(*values)
        except struct_error:
            self._refuse(values)
        for place, low, high in self._narrower:
            if not low <= values[place] <= high:
                self._refuse(values)

    def row(self, value: Any, name: str) -> list[int]:  # noqa: ANN401 - any JSON value
        """*value*, which must be such a list; messages call it *name*."""
        numbers = fields(value, name, len(self._ranges))
        self.check(numbers)
        return numbers

    def rows(
        self,
        value: Any,  # noqa: ANN401 - any JSON value
        name: str,
        make: Callable[[Iterable[int]], T],
        *,
        most: int,
    ) -> tuple[T, ...]:
        """*value*, which must be a list of at most *most* such lists; *make* turns each into one
        record.
        """
        if value == []:
            return ()
        for row in _listed(value, name, most, None):
            self.row(row, name)
        return tuple(map(make, value))

    def _refuse(self, values: Sequence[Any]) -> NoReturn:
        if len(values) != len(self._ranges):
            raise damaged(f"{len(values)} values where {len(self._ranges)} belong")
        for value, (name, low, high) in zip(values, self._ranges, strict=True):
            integer(value, name, low, high)
        raise damaged("a list of numbers has something else in it")


def integers(low: int, high: int) -> Callable[[Any, str], int]:
    """A reader of a number from *low* to *high*."""
    return lambda value, name: integer(value, name, low, high)
