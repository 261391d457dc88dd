"""The results of calls that fail in the middle of their work, and the data that arrive.

Source: images/agent/workload_errors*.c, workload_failing.c, and the ends of workload_remote.c and
workload_sockets.c.  Calls that are right in two ways, as kernels differ, tell the first.
"""

from collections.abc import Iterator
from errno import (
    E2BIG,
    EAGAIN,
    EFAULT,
    EFBIG,
    EINVAL,
    EIO,
    ENOENT,
    ENOEXEC,
    ENOMEM,
    EPIPE,
    ESPIPE,
)
from typing import Final
from zlib import crc32

from harness.model.records.layout import PAGE_SIZE
from harness.model.rules.workload_pages import WORD, mix, page_bytes

P: Final = PAGE_SIZE
_HOLE: Final = 8 * P
"""Offset in the area, in bytes, of the page that is not mapped."""

Told = int | bytes
"""The result of a call, as its value or the negative error; or what it has copied."""


def _judged(seed: int, number: int, *told: Told) -> tuple[int, int]:
    """A stage, with the CRC of all that its calls have told."""
    crc = 0
    for one in (*told, mix(seed, number, 3000)):
        crc = crc32(one if isinstance(one, bytes) else (one & WORD).to_bytes(4, "little"), crc)
    return number, crc


class _Memory:
    """The pages of the area before the hole, as they were filled."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def at(self, start: int, size: int) -> bytes:
        """Some of them."""
        numbers = range(start // P, (start + size - 1) // P + 1)
        pages = b"".join(page_bytes(self._seed, number, 0) for number in numbers)
        return pages[start % P :][:size]

    def before_hole(self, size: int, most: int = 0) -> bytes:
        """The last bytes before the hole, *most* of them where not all are meant."""
        return self.at(_HOLE - size, most or size)


def _drained(data: bytes = b"") -> tuple[Told, ...]:
    """The results of two reads: the first gets all that a pipe or a socket holds."""
    return (len(data), data, -EAGAIN) if data else (-EAGAIN, -EAGAIN)


def errors_of_exec(seed: int) -> Iterator[tuple[int, int]]:
    """Strings that cannot be read or are too long, and files that are no programs."""
    yield _judged(seed, 0, *[-EFAULT] * 3)
    yield _judged(seed, 1, *[-E2BIG] * 2)
    yield _judged(seed, 2, -EFAULT, -EFAULT, -E2BIG)
    yield _judged(seed, 3, *[-E2BIG] * 2)
    yield _judged(seed, 4, *[-EFAULT] * 4)
    yield _judged(seed, 5, *[-ENOEXEC] * 5)
    yield _judged(seed, 6, -ENOENT, -ENOEXEC, -ENOENT, -ENOENT)
    yield _judged(seed, 7, 0)


def errors_of_pipes(seed: int) -> Iterator[tuple[int, int]]:
    """A page of a pipe that cannot be written in full does not arrive."""
    m = _Memory(seed)
    arrived = _drained(m.before_hole(2 * P + 1024, 2 * P))
    yield _judged(seed, 10, 2 * P, *arrived, -EFAULT, *_drained())
    yield _judged(seed, 11, 128, -EFAULT, -EFAULT, *_drained(m.at(0, 128)))
    kept = _drained(m.at(P, 2 * P))
    yield _judged(seed, 12, P, m.at(0, P), -EFAULT, -EFAULT, *kept)
    yield _judged(seed, 13, P, *_drained(m.at(0, P)), -EFAULT, -EFAULT, *_drained(), -EFAULT)
    kept = _drained(m.at(P, 128))
    yield _judged(seed, 14, -EFAULT, P, m.at(0, P), -EFAULT, *kept)
    yield _judged(seed, 15, 0)


def errors_of_files(seed: int) -> Iterator[tuple[int, int]]:
    """Files are written and read up to the page that cannot be had."""
    m = _Memory(seed)
    written = m.before_hole(2 * P + 1024, 2 * P)
    back = 2 * P, written
    yield _judged(seed, 20, 2 * P, *back, -EFAULT, -EFAULT, *back)
    part = P + 1024
    yield _judged(seed, 21, 2048, written[:2048], part, written[1024:][:part], -EFAULT)
    written = m.at(P, P) + written[P:]
    yield _judged(seed, 22, P, -EFAULT, -EFAULT, 2 * P, written)
    yield _judged(seed, 23, 128, written[64:][:128], -EFAULT, -EFAULT)
    size = 2 * P + 512
    yield _judged(seed, 24, size, -EFBIG, -EFBIG, size, m.at(2 * P, size))
    kept, page = m.at(3 * P, P), page_bytes(seed, 1, 1)
    yield _judged(seed, 25, -EFAULT, P, 2 * P, page + kept, -EFAULT, 2048, kept[:2048])
    yield _judged(seed, 26, 0, 0)


def errors_of_splices(seed: int) -> Iterator[tuple[int, int]]:
    """Pages go to a pipe and come from it up to the one that cannot be had."""
    m = _Memory(seed)
    given = m.before_hole(P + 1024)
    page = _drained(m.at(0, P))
    yield _judged(seed, 30, len(given), *_drained(given), -EFAULT, P, -EFAULT, *page)
    yield _judged(seed, 31, P, m.at(0, P), -EFAULT, *_drained(m.at(P, 2 * P)))
    refused = -EFAULT, -EFAULT, 0, -ESPIPE, -EINVAL, -EINVAL, -EINVAL, -EAGAIN, -EFAULT, -EFAULT
    yield _judged(seed, 32, *refused, *page)
    size = P + 512
    left = _drained(m.at(size, 3 * P - size))
    yield _judged(seed, 33, size, -EFBIG, *left, size, m.at(0, size))
    yield _judged(seed, 34, *[-EPIPE] * 6, *page)
    yield _judged(seed, 35, 0, 0)


def _poked(seed: int) -> tuple[bytes, bytes]:
    """The first two pages of the area and the last one before the hole, after the words."""
    m = _Memory(seed)
    first, last = bytearray(m.at(0, 2 * P)), bytearray(m.before_hole(P))
    words = [mix(seed, number, 4000).to_bytes(4, "little") for number in range(3)]
    first[64:68] = words[0]
    first[P - 2 : P + 2] = words[1]
    last[P - 2 :] = words[2][:2]
    return bytes(first), bytes(last)


def _words_of_another(seed: int) -> Iterator[tuple[int, int]]:
    m = _Memory(seed)
    peeked = 0, m.at(64, 4), 0, m.at(P - 2, 4), -EIO, bytes(4), -EIO, bytes(4)
    yield _judged(seed, 41, *peeked, -EFAULT)
    yield _judged(seed, 42, 0, 0, -EIO, -EIO, *_poked(seed))


def _processes_files(seed: int, kind: int) -> Iterator[tuple[int, int]]:
    """The file of a process's memory, and that of its command line."""
    last = _Memory(seed).at(_HOLE - P - 2048, 2048) + _poked(seed)[1]
    size = P + 1024
    yield _judged(seed, 43, len(last), last, -EIO, -EFAULT, size, last[:size], -EIO, -EFAULT)
    line = b"workload\0%d\0%d\0" % (kind, seed)
    yield _judged(seed, 44, len(line), line, 8, line[:8], -EFAULT)


def errors_of_memory(seed: int, kind: int) -> Iterator[tuple[int, int]]:
    """Memory that is there only in part: futexes, debuggers, and calls that change mappings."""
    m = _Memory(seed)
    futexes = -EFAULT, -EINVAL, -EFAULT, -EAGAIN, -EFAULT, -EINVAL, -EFAULT, -EAGAIN
    yield _judged(seed, 40, *futexes)
    yield from _words_of_another(seed)
    yield from _processes_files(seed, kind)
    yield _judged(seed, 45, -ENOMEM, -EFAULT, -EFAULT, -EINVAL)
    refused = -EFAULT, -EFAULT, -ENOMEM, -EINVAL, -ENOMEM, -ENOMEM, -EINVAL
    first, last = _poked(seed)
    yield _judged(seed, 46, *refused, m.at(_HOLE - 2 * P, P), last, page_bytes(seed, 9, 0))
    yield _judged(seed, 47, -ENOMEM, -EFAULT, -EFAULT, *_drained(first[:P]))
    yield _judged(seed, 48, 0)


def errors(seed: int, kind: int) -> Iterator[tuple[int, int]]:
    """The stages of the workload of errors, which is *kind* by number."""
    yield from errors_of_exec(seed)
    yield from errors_of_pipes(seed)
    yield from errors_of_files(seed)
    yield from errors_of_splices(seed)
    yield from errors_of_memory(seed, kind)


def errors_of_remote(seed: int) -> Iterator[tuple[int, int]]:
    """Another process's pages are copied up to the one that it, or the caller, lacks."""
    m = _Memory(seed)
    last = m.before_hole(P + 2048)
    yield _judged(seed, 3, len(last), last, -EFAULT, 1000, m.at(64, 1000))
    yield _judged(seed, 4, 1024, m.at(0, 1024), -EFAULT)
    size = P + 1024
    written = size, m.at(0, size), -EFAULT, 1024, m.before_hole(1024), -EFAULT
    yield _judged(seed, 5, *written, -EFAULT, -EINVAL)
    yield _judged(seed, 6, 0)


def errors_of_sockets(seed: int) -> Iterator[tuple[int, int]]:
    """Data sent in part do not arrive; data received in part can be received again."""
    m = _Memory(seed)
    page, pages = _drained(m.at(0, P)), _drained(m.at(0, 2 * P))
    sent = -EFAULT, -EFAULT, -EFAULT, *_drained(), *page
    yield _judged(seed, 3, *sent)
    yield _judged(seed, 4, -EFAULT, -EFAULT, *pages, -EPIPE)
    yield _judged(seed, 5, *sent)
    yield _judged(seed, 6, -EFAULT, *pages, -EFAULT, *_drained())
    yield _judged(seed, 7, 0)
