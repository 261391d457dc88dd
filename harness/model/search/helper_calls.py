"""One plain call of each page helper that a kernel has, for walks and explorations."""

from collections.abc import Iterator

from harness.model.records.helper import (
    HELPERS,
    HelperCall,
    HelperFlag,
    HelperKind,
    helper_operation,
)
from harness.model.records.operation import Operation

_RANGE = 8, 24
"""A range in the middle of a page: its offset, and its length or end."""


def plain_call(kind: HelperKind, pages: tuple[int, int], buffer: int) -> HelperCall:
    """A call of *kind* with two *pages* and a *buffer* in lowmem."""
    flags, (page, other) = kind.flags, pages
    first, length = _RANGE if HelperFlag.RANGE in flags else (0, 0)
    if HelperFlag.COPIES not in flags:
        return HelperCall(kind.number, page, 0, first, 0, length, 0)
    target = buffer if HelperFlag.INTO_BUFFER in flags else page
    source = buffer if HelperFlag.FROM_BUFFER in flags else other
    return HelperCall(kind.number, target, source, first, 0, length, 0)


def helper_calls(helpers: int, pages: tuple[int, int], buffer: int) -> Iterator[Operation]:
    """HELPER for each bit of *helpers* (``Layout.helpers``)."""
    for number, kind in HELPERS.items():
        if helpers >> number & 1:
            yield helper_operation(plain_call(kind, pages, buffer))
