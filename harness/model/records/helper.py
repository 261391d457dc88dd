"""The page helpers: functions that map a page, fill or copy it, and unmap it again.

One operation, HELPER, stands for all of them, since they differ only in what ``HELPERS`` has.
Sources: include/linux/highmem.h and, for ``zero_user_segments``, mm/highmem.c (5.10, 6.1, 7.3).
"""

from collections.abc import Iterator, Mapping
from enum import Enum, IntFlag
from typing import Final, NamedTuple

from harness.model.records.layout import PAGE_SIZE
from harness.model.records.operation import OPERATIONS, OpCode, Operation

HELPER_OFFSET_MOST: Final = 0x7FFF
"""Highest offset, length or end that an operation has room for."""


class HelperField(Enum):
    """What an operand of a helper is; scenarios have them in the order of the kernel's function.

    PAGE, FIRST and LENGTH are the range that it writes; OTHER and SECOND what it copies from;
    SECOND and END a second range.
    """

    PAGE = "a page"
    FIRST = "an offset in it"
    LENGTH = "a length"
    OTHER = "another page"
    SECOND = "a second offset"
    END = "the end of the second range"
    BYTE = "a byte"


class HelperFlag(IntFlag):
    """Facts about a helper (``kmod/protocol_helper.h``, ``KMH_HELPER_*``)."""

    COPIES = 1 << 0  # from a second page
    INTO_BUFFER = 1 << 1  # the page that it writes is in lowmem, and it does not map it
    FROM_BUFFER = 1 << 2  # so is the page that it copies from
    SEGMENT = 1 << 3  # the length is where the range ends
    SEGMENTS = 1 << 4  # and there is a second range
    TAIL = 1 << 5  # it goes on to the end of the folio
    FOLIO = 1 << 6  # it takes a folio: its range may reach beyond a page
    ADDRESS = 1 << 7  # it calls page_address()
    SOURCE_FIRST = 1 << 8  # it maps the page that it copies from before the other
    SPARSE = 1 << 9  # it is zero_user_segments(), which maps only pages that it writes to
    RANGE = 1 << 10  # it takes offsets, not whole pages


class HelperKind(NamedTuple):
    """A helper: its number on the wire, the kernel's name for it, and its operands."""

    number: int
    word: str
    operands: tuple[HelperField, ...]
    flags: HelperFlag = HelperFlag(0)


_H, _L = HelperField, HelperFlag
_ONE = (_H.PAGE,)
_TWO = (_H.PAGE, _H.OTHER)
_RANGE = (_H.PAGE, _H.FIRST, _H.LENGTH)
_RANGES = (*_RANGE, _H.SECOND, _H.END)
_COPY = (_H.PAGE, _H.FIRST, _H.OTHER, _H.SECOND, _H.LENGTH)
_FILL = (_H.PAGE, _H.FIRST, _H.BYTE, _H.LENGTH)
_SPARSE = _L.SPARSE | _L.RANGE
_SEGMENT = _SPARSE | _L.SEGMENT
_SEGMENTS = _SEGMENT | _L.SEGMENTS
_COPIED = _L.COPIES | _L.SOURCE_FIRST
_COPIES = _L.COPIES | _L.RANGE
_OUT, _IN = _COPIES | _L.INTO_BUFFER, _COPIES | _L.FROM_BUFFER

_KINDS = (
    HelperKind(0, "clear_highpage", _ONE),
    HelperKind(1, "clear_user_highpage", _ONE),
    HelperKind(2, "copy_highpage", _TWO, _COPIED),
    HelperKind(3, "copy_user_highpage", _TWO, _COPIED | _L.ADDRESS),
    HelperKind(4, "memcpy_page", _COPY, _COPIES),
    HelperKind(5, "memset_page", _FILL, _L.RANGE),
    HelperKind(6, "memzero_page", _RANGE, _L.RANGE),
    HelperKind(7, "memcpy_from_page", _COPY, _OUT),
    HelperKind(8, "memcpy_to_page", _COPY, _IN),
    HelperKind(9, "zero_user_segments", _RANGES, _SEGMENTS),
    HelperKind(10, "zero_user_segment", _RANGE, _SEGMENT),
    HelperKind(11, "zero_user", _RANGE, _SPARSE),
    HelperKind(12, "folio_zero_segments", _RANGES, _SEGMENTS | _L.FOLIO),
    HelperKind(13, "folio_zero_segment", _RANGE, _SEGMENT | _L.FOLIO),
    HelperKind(14, "folio_zero_range", _RANGE, _SPARSE | _L.FOLIO),
    HelperKind(15, "memcpy_from_folio", _COPY, _OUT | _L.FOLIO),
    HelperKind(16, "memcpy_to_folio", _COPY, _IN | _L.FOLIO),
    HelperKind(17, "folio_zero_tail", (_H.PAGE, _H.FIRST), _L.RANGE | _L.TAIL | _L.FOLIO),
    HelperKind(18, "folio_fill_tail", _COPY, _IN | _L.TAIL | _L.FOLIO),
    HelperKind(19, "memcpy_folio", _COPY, _COPIES | _L.FOLIO),
)

HELPERS: Final[Mapping[int, HelperKind]] = {kind.number: kind for kind in _KINDS}
"""The one record of each helper."""

HELPER_OF_WORD: Final = {kind.word: kind for kind in _KINDS}

ALL_HELPERS: Final = (1 << len(_KINDS)) - 1
"""``Layout.helpers`` of a kernel that has every helper."""


class HelperCall(NamedTuple):
    """A call as HELPER carries it; ``number`` is the helper's."""

    number: int
    page: int
    other: int
    first: int
    second: int
    length: int
    byte: int

    @property
    def kind(self) -> HelperKind:
        """The record of the helper, which must exist."""
        return HELPERS[self.number]


_SHORT, _BYTE = 0xFFFF, 0xFF


def helper_call(op: Operation) -> HelperCall:
    """The call that *op*, a HELPER, stands for."""
    first, second = op.offset & _SHORT, op.offset >> 16 & _SHORT
    length, byte = op.value & _SHORT, op.value >> 16 & _BYTE
    return HelperCall(op.value >> 24, op.page, op.reg, first, second, length, byte)


def helper_operation(call: HelperCall, task: int = 0) -> Operation:
    """HELPER of *task* for *call*."""
    return Operation(
        OpCode.HELPER,
        task,
        call.page,
        call.other,
        offset=call.first | call.second << 16,
        value=call.length | call.byte << 16 | call.number << 24,
    )


def operation_word(op: Operation) -> str:
    """The word of *op* in a scenario: its own, or that of the helper which it calls."""
    kind = HELPERS.get(op.value >> 24) if op.code == OpCode.HELPER else None
    return kind.word if kind else OPERATIONS[op.code].word


def mapped_most(op: Operation) -> int:
    """Pages that a HELPER has mapped at a time, lowmem counted as well."""
    kind = HELPERS.get(op.value >> 24)
    if kind is None:
        return 0
    buffers = HelperFlag.INTO_BUFFER | HelperFlag.FROM_BUFFER
    return 2 if _L.COPIES in kind.flags and not kind.flags & buffers else 1


class Span(NamedTuple):
    """Bytes that a call writes: with ``byte``, or where that is -1 with those from ``source`` on.

    Offsets count from the beginning of the folio, or of the page of a helper that takes a page.
    """

    start: int
    end: int
    byte: int
    source: int = 0


def spans(call: HelperCall, size: int) -> tuple[Span, ...]:
    """What *call* writes in order; *size* is that of its page or folio."""
    if _L.RANGE not in call.kind.flags:
        return (Span(0, PAGE_SIZE, -1 if _L.COPIES in call.kind.flags else 0),)
    return tuple(span for span in _spans(call, size) if span.end > span.start)


def _spans(call: HelperCall, size: int) -> Iterator[Span]:
    """The same, spans without bytes among them."""
    flags, first, end = call.kind.flags, call.first, call.first + call.length
    if _L.SEGMENT in flags:
        yield Span(first, call.length, 0)
        if _L.SEGMENTS in flags:
            yield Span(call.second, call.other, 0)
        return
    if _L.COPIES in flags:
        yield Span(first, end, -1, call.second)
    elif _L.TAIL not in flags:
        yield Span(first, end, call.byte)
    if _L.TAIL in flags:
        yield Span(end, size, 0)
