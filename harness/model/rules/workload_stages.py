"""WORKLOAD: user processes use memory; what each stage must read, and that nothing is left.

Source: images/agent/workload*.c.  The rules of the kernel are those of any program: memory holds
what was written to it, a child sees what its parent had when it forked.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Final
from zlib import crc32

from harness.model.records.layout import PAGE_SIZE
from harness.model.records.observation import Checkpoint, Status
from harness.model.records.workload import CHECKPOINT_END, WORKLOAD_OF_WORD, WORKLOADS
from harness.model.rules.draft import Draft
from harness.model.rules.workload_errors import errors, errors_of_remote, errors_of_sockets
from harness.model.rules.workload_pages import WorkloadArea, mix, page_bytes

_PAGES: Final = 24
_TURNS: Final = 16
_ROUNDS: Final = 3
_TO_LETTERS: Final = bytes(ord("a") + (byte & 15) for byte in range(256))

Stage = tuple[int, int]
"""The number of a stage, and the CRC of what it reads."""


def _cow(seed: int) -> Iterator[Stage]:
    area = WorkloadArea(seed, _PAGES).fill(0)
    yield 0, area.crc()
    yield 1, area.copy().fill_half(1).crc()
    yield 2, area.crc()
    child = area.copy()
    yield 3, area.fill_half(2).crc()
    yield 4, child.crc()
    yield 5, area.copy().fill_half(5).crc()
    yield 6, area.crc()
    yield 7, area.copy().fill_half(8).crc()
    yield 8, area.copy().fill_half(7).crc()
    yield 9, area.fill(9).crc()
    area.fill(10)
    yield 10, area.copy().fill_half(11).crc()
    yield 11, area.crc()


def _tables(seed: int) -> Iterator[Stage]:
    area = WorkloadArea(seed, 12).fill(0)
    unmapped = (3, 4, 5)
    yield 0, area.crc()
    yield 1, area.crc()
    yield 2, area.copy().fill_half(1).crc()
    yield 3, area.crc()
    yield 4, area.crc()
    yield 5, area.copy().fill_half(5).crc(*unmapped)
    area.zero(4)
    yield 6, area.crc()
    yield 7, area.fill(6).crc()
    yield 8, area.crc()
    yield 9, area.crc(*unmapped)


def _files(seed: int) -> Iterator[Stage]:
    area = WorkloadArea(seed, _PAGES).fill(0)
    yield from ((number, area.crc()) for number in range(6))
    yield 6, area.fill_half(6).crc()
    area.cut(5 * PAGE_SIZE + 777)
    yield 7, area.crc()
    yield 8, area.crc()


def _futex(seed: int) -> Iterator[Stage]:
    area = WorkloadArea(seed, _PAGES).fill(0)
    for turn in range(_TURNS):
        yield turn, area.crc()
        area.fill_half(turn + 1)
    turns = _TURNS.to_bytes(4, "little")
    yield _TURNS, crc32(turns + bytes(PAGE_SIZE - 8) + turns, area.crc())


def _strings(seed: int, version: int) -> int:
    """The CRC of the arguments or the environment, each string with its end."""
    crc = 0
    for number in range(_PAGES):
        length = 1000 + mix(seed, number, version + 2000) % 3000
        letters = page_bytes(seed, number, version)[:length].translate(_TO_LETTERS)
        crc = crc32(letters + b"\0", crc)
    return crc


def _exec(seed: int) -> Iterator[Stage]:
    yield 0, _strings(seed, 0)
    yield 1, _strings(seed, 0)
    yield 2, _strings(seed, 1)
    yield 3, _strings(seed, 1)


def _remote(seed: int) -> Iterator[Stage]:
    parents = WorkloadArea(seed, _PAGES).fill(0)
    childs = parents.copy().fill(1)
    yield 0, childs.crc()
    yield 1, childs.fill_half(2).crc()
    yield 2, parents.crc()
    yield from errors_of_remote(seed)


def _sockets(seed: int) -> Iterator[Stage]:
    area = WorkloadArea(seed, _PAGES).fill(0)
    yield 0, area.crc()
    yield 1, area.copy().fill_half(1).crc()
    yield 2, area.crc()
    yield from errors_of_sockets(seed)


def _threads(seed: int) -> Iterator[Stage]:
    area = WorkloadArea(seed, _PAGES).fill(0)
    for version in range(1, _ROUNDS + 1):
        before = area.crc()
        yield version * 2 - 1, area.fill(version).crc()
        yield version * 2, before


def _errors(seed: int) -> Iterator[Stage]:
    return errors(seed, WORKLOAD_OF_WORD["errors"].number)


_STAGES: Final[Mapping[str, Callable[[int], Iterator[Stage]]]] = {
    "cow": _cow,
    "tables": _tables,
    "files": _files,
    "futex": _futex,
    "exec": _exec,
    "remote": _remote,
    "sockets": _sockets,
    "threads": _threads,
    "errors": _errors,
}


@lru_cache(maxsize=64)
def expected_checkpoints(kind: int, seed: int) -> tuple[Checkpoint, ...]:
    """What the processes of a workload must report, and the module at its end."""
    stages = _STAGES[WORKLOADS[kind].word](seed)
    said = (Checkpoint(stage, 0, 0, crc) for stage, crc in stages)
    return (*said, Checkpoint(CHECKPOINT_END, 0, 0, 0))


def workload(d: Draft) -> list[Draft]:
    """WORKLOAD: all stages in order; the task sleeps meanwhile, and keeps its own mappings.

    A kernel that lacks the system call of an optional kind has done nothing.
    """
    kind = WORKLOADS[d.op.reg]
    d.rule = f"workload.{kind.word}"
    d.checkpoints = expected_checkpoints(kind.number, d.op.value)
    if not kind.optional:
        return [d]
    without = d.fork()
    without.rule, without.checkpoints = "not-applicable", ()
    without.status = Status.NOT_APPLICABLE
    return [d, without]
