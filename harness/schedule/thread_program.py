"""The programs whose schedules are run: a few operations for each of two to four threads.

The notation is one line: ``kmap a, kunmap a || kunmap x; slots 1; cursor wrap``.  Threads are
separated by ``||``.  A page that a thread unmaps without having mapped it is mapped before.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple

from harness.errors import UsageError
from harness.guest.schedule_wire import OPERATIONS, PAGES, THREADS, ScheduleCode

_WORDS: Final = {code.name.lower(): code for code in ScheduleCode}
_OPERATION: Final = re.compile(r"(\w+)(?:\s+([a-z]))?")
_SETTING: Final = re.compile(r"slots\s+(\d+)|cursor\s+(next|wrap)")
_SLOTS_MOST: Final = 16


class ThreadStep(NamedTuple):
    """One operation of a thread; ``page`` is a letter, or empty."""

    code: ScheduleCode
    page: str

    def __str__(self) -> str:
        """Return it in the notation."""
        return f"{self.code.name.lower()} {self.page}".rstrip()


@dataclass(frozen=True, slots=True)
class ThreadProgram:
    """What each thread does, on how many slots; the cursor stands before them or behind."""

    threads: tuple[tuple[ThreadStep, ...], ...]
    slots: int = 1
    wrap: bool = False

    def __str__(self) -> str:
        """Return the notation, which :func:`parse_program` reads."""
        threads = " || ".join(", ".join(map(str, steps)) for steps in self.threads)
        return f"{threads}; slots {self.slots}{'; cursor wrap' if self.wrap else ''}"

    @property
    def pages(self) -> tuple[str, ...]:
        """The letters of all pages, in order."""
        return tuple(sorted({one.page for steps in self.threads for one in steps if one.page}))

    @property
    def initial(self) -> Counter[str]:
        """How often each page is mapped before: as often as threads unmap what is not theirs."""
        found: Counter[str] = Counter()
        for steps in self.threads:
            found += _owed(steps)
        return found

    @property
    def asks_hash(self) -> bool:
        """Whether a thread reads page_address, whose table then gets gates, too."""
        return self._has(ScheduleCode.PAGE_ADDRESS)

    @property
    def flushes(self) -> bool:
        """Whether a thread drops the unused mappings."""
        return self._has(ScheduleCode.FLUSH)

    def _has(self, code: ScheduleCode) -> bool:
        return any(one.code is code for steps in self.threads for one in steps)


def _owed(steps: Sequence[ThreadStep]) -> Counter[str]:
    """Return how often a thread's pages must have been mapped before it begins."""
    owed: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for one in steps:
        if one.code is ScheduleCode.KMAP:
            held[one.page] += 1
        elif one.code is ScheduleCode.KUNMAP and held[one.page]:
            held[one.page] -= 1
        elif one.code is ScheduleCode.KUNMAP:
            owed[one.page] += 1
    return owed


class _Wait(NamedTuple):
    """A place where a thread may stand: the page it asks for, if any, and those it has."""

    wanted: str
    held: frozenset[str]


def _places(steps: Sequence[ThreadStep]) -> Iterator[_Wait]:
    """Each kmap of a thread, where it may wait, and its end."""
    held = _owed(steps)
    for one in steps:
        if one.code is ScheduleCode.KMAP:
            yield _Wait(one.page, frozenset(+held))
            held[one.page] += 1
        elif one.code is ScheduleCode.KUNMAP:
            held[one.page] -= 1
    yield _Wait("", frozenset(+held))


def may_starve(program: ThreadProgram) -> bool:
    """Tell whether a correct kernel, too, may let threads of *program* wait for ever.

    They do if every thread is at its end or waits for a page without a slot, and those pages that
    the threads have take all slots.
    """
    for places in product(*map(_places, program.threads)):
        held = frozenset[str]().union(*(one.held for one in places))
        waiting = [one.wanted for one in places if one.wanted]
        if waiting and len(held) >= program.slots and not held & set(waiting):
            return True
    return False


def parse_program(text: str) -> ThreadProgram:
    """Return the program that *text* describes; raises UsageError."""
    body, *settings = (part.strip() for part in text.split(";"))
    threads = tuple(tuple(_steps(part, text)) for part in body.split("||"))
    slots, wrap = 1, False
    for setting in filter(None, settings):
        found = _SETTING.fullmatch(setting)
        if found is None:
            raise _wrong(text, f"'{setting}' is neither 'slots N' nor 'cursor next|wrap'")
        slots = int(found[1]) if found[1] else slots
        wrap = found[2] == "wrap" if found[2] else wrap
    program = ThreadProgram(threads, slots, wrap)
    _require_sound(program, text)
    return program


def _steps(part: str, text: str) -> Iterator[ThreadStep]:
    for words in part.split(","):
        found = _OPERATION.fullmatch(words.strip())
        code = _WORDS.get(found[1]) if found else None
        if found is None or code is None or bool(found[2]) is (code is ScheduleCode.FLUSH):
            raise _wrong(text, f"'{words.strip()}' is no operation on a page a to z, nor 'flush'")
        yield ThreadStep(code, found[2] or "")


def _require_sound(program: ThreadProgram, text: str) -> None:
    if not 2 <= len(program.threads) <= THREADS:
        raise _wrong(text, f"a program has 2 to {THREADS} threads")
    if any(len(steps) > OPERATIONS for steps in program.threads):
        raise _wrong(text, f"a thread has at most {OPERATIONS} operations")
    if not 1 <= len(program.pages) <= PAGES:
        raise _wrong(text, f"a program has 1 to {PAGES} pages")
    if not max(1, len(program.initial)) <= program.slots <= _SLOTS_MOST:
        raise _wrong(text, f"it needs {max(1, len(program.initial))} to {_SLOTS_MOST} slots")
    if may_starve(program):
        raise _wrong(text, "a correct kernel, too, could let its threads wait for ever")
    if any(map(_reads_unmapped, program.threads)):
        raise _wrong(text, "a thread reads a page that it does not have")


def _reads_unmapped(steps: Sequence[ThreadStep]) -> bool:
    held = _owed(steps)
    for one in steps:
        if one.code is ScheduleCode.READ and not held[one.page]:
            return True
        held[one.page] += {ScheduleCode.KMAP: 1, ScheduleCode.KUNMAP: -1}.get(one.code, 0)
    return False


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(
        f"the program '{text}': {why}",
        hint="write, for example, 'kmap a, kunmap a || kunmap x; slots 1; cursor wrap'",
    )
