"""Page helpers: they map their pages, fill or copy them, and unmap them again.

Sources: include/linux/highmem.h, mm/highmem.c (``zero_user_segments``) (5.10, 6.1, 7.3).  To 5.17
they map by ``kmap_atomic``, since then by ``kmap_local_page``; a helper that takes a folio maps
one page of it after the other.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple
from zlib import crc32

from harness.model.records import vector
from harness.model.records.helper import (
    HelperCall,
    HelperFlag,
    Span,
    helper_call,
    spans,
)
from harness.model.records.layout import PAGE_MASK, PAGE_SHIFT, PAGE_SIZE
from harness.model.records.machine import Machine
from harness.model.records.operation import OpCode, Operation
from harness.model.records.state import State
from harness.model.rules.draft import Draft, refuse
from harness.model.rules.helper_pages import pages_read, pages_written
from harness.model.rules.words import contents, words_of

_F = HelperFlag


class Mapper(NamedTuple):
    """How helpers map a page (``d.op.page``, the address goes to ``d.value``) and unmap it."""

    map: Callable[[Draft], None]
    unmap: Callable[[Draft, int], None]


# -- what the pages hold ----------------------------------------------------------------


def _bytes(state: State, pages: range) -> bytearray:
    return bytearray().join(contents(vector.get(state.memory, page)) for page in pages)


def _write(written: bytearray, source: bytearray, span: Span) -> None:
    if span.byte >= 0:
        written[span.start : span.end] = bytes((span.byte,)) * (span.end - span.start)
    else:
        end = span.source + span.end - span.start
        written[span.start : span.end] = source[span.source : end]


def fill(d: Draft, call: HelperCall) -> None:
    """The pages after the call; the value is a CRC of all bytes of both, page by page."""
    target, other = pages_written(d.machine, call), pages_read(d.machine, call)
    written, source = _bytes(d.state, target), _bytes(d.state, other)
    for span in spans(call, len(written)):
        _write(written, source, span)
    for number, page in enumerate(target):
        there = written[number << PAGE_SHIFT : (number + 1) << PAGE_SHIFT]
        d.state = d.state.with_memory(page, words_of(there))
    d.value = crc32(written + source)


# -- what is mapped on the way ----------------------------------------------------------


def rounds(machine: Machine, call: HelperCall) -> Iterator[tuple[int, ...]]:
    """Pages that *call* maps at a time, in that order; they are unmapped in the opposite order."""
    flags = call.kind.flags
    if _F.SPARSE in flags:
        yield from _zeroed(machine, call)
        return
    length = _length(machine, call)
    done = 0
    while True:
        yield _pair(machine, call, done)
        done += _chunk(call, done)
        if done >= length:
            return


def _length(machine: Machine, call: HelperCall) -> int:
    """Bytes of the range that the helper walks through; 0 where it maps each page once."""
    if _F.FOLIO not in call.kind.flags:
        return 0
    if _F.TAIL in call.kind.flags:
        return len(pages_written(machine, call)) * PAGE_SIZE - call.first
    return call.length


def _pair(machine: Machine, call: HelperCall, done: int) -> tuple[int, ...]:
    """The pages mapped after *done* bytes."""
    flags = call.kind.flags
    target = pages_written(machine, call)
    to = () if _F.INTO_BUFFER in flags else (_at(call, target, call.first + done),)
    if _F.COPIES not in flags or _F.FROM_BUFFER in flags:
        return to
    source = (_at(call, pages_read(machine, call), call.second + done),)
    return source + to if _F.SOURCE_FIRST in flags else to + source


def _at(call: HelperCall, pages: Sequence[int], offset: int) -> int:
    """The page mapped for *offset*; a helper that takes a page maps it for its very end, too."""
    return pages[offset >> PAGE_SHIFT if _F.FOLIO in call.kind.flags else 0]


def _chunk(call: HelperCall, done: int) -> int:
    """Bytes from there to the nearest end of a mapped page."""
    flags, lefts = call.kind.flags, []
    if _F.INTO_BUFFER not in flags:
        lefts.append(PAGE_SIZE - (call.first + done) % PAGE_SIZE)
    if _F.COPIES in flags and _F.FROM_BUFFER not in flags:
        lefts.append(PAGE_SIZE - (call.second + done) % PAGE_SIZE)
    return min(lefts)


def _zeroed(machine: Machine, call: HelperCall) -> Iterator[tuple[int, ...]]:
    """``zero_user_segments``: since 5.11 it maps only pages that it writes to."""
    target = pages_written(machine, call)
    if not machine.layout.helpers_local:
        yield (target[0],)
        return
    written = spans(call, len(target) * PAGE_SIZE)
    for number, page in enumerate(target):
        start, end = number << PAGE_SHIFT, (number + 1) << PAGE_SHIFT
        if any(span.start < end and span.end > start for span in written):
            yield (page,)


def _map(d: Draft, mapper: Mapper, page: int) -> int:
    """Map *page* as an operation of its own would, without a register; the address."""
    op, registers = d.op, d.state.registers
    d.op = Operation(OpCode.KMAP_ATOMIC, op.task, page)
    mapper.map(d)
    d.op = op
    d.state = d.state._replace(registers=registers)
    return d.value


def _round(d: Draft, mapper: Mapper, pages: tuple[int, ...]) -> bool:
    """One round; false where a BUG ended it, or nobody knows what it saw."""
    mapped = []
    for page in pages:
        address = _map(d, mapper, page)
        if d.status:
            return False
        if any(at == address & PAGE_MASK for _, at in d.before.stale):
            d.lost = f"a helper maps {address:#x}, which may translate otherwise"
            return False
        mapped.append(address)
    for address in reversed(mapped):
        mapper.unmap(d, address)
    return True


def call_helper(d: Draft, mapper: Mapper) -> None:
    """HELPER."""
    call = helper_call(d.op)
    if _F.ADDRESS in call.kind.flags and not d.page_address_allowed():
        refuse(d, "helper.refused")
        return
    held = d.task.depth
    for pages in rounds(d.machine, call):
        d.slack = max(d.slack, held + len(pages) * d.machine.increment)
        if not _round(d, mapper, pages):
            break
    else:
        fill(d, call)
    d.pte_address = 0
    d.rule = _branch(call) + (".bug" if d.status else "")


def _branch(call: HelperCall) -> str:
    """What the helper does, whatever its name: kernels have different ones."""
    if _F.COPIES in call.kind.flags:
        return "helper.copy"
    return "helper.zero-ranges" if _F.SPARSE in call.kind.flags else "helper.fill"
