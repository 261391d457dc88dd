"""The programs whose schedules are run: a few operations for each of two to four threads.

The notation is one line: ``kmap a, kunmap a || kunmap x; slots 1; cursor wrap``.  Threads are
separated by ``||``.  A page that a thread unmaps without having mapped it is mapped before.
``hardirq 0: page_address a`` is an interrupt of thread 0, taken at any gate, once or not at all.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, NamedTuple

from harness.errors import UsageError
from harness.guest.gate_wire import GatePart
from harness.guest.schedule_wire import (
    OPERATIONS,
    PAGES,
    THREADS,
    ScheduleCode,
    ScheduleContext,
)

_WORDS: Final = {code.name.lower(): code for code in ScheduleCode}
_OPERATION: Final = re.compile(r"(\w+)(?:\s+([a-z]))?")
_INTERRUPT: Final = re.compile(r"\s*(hardirq|softirq)\s+(\d):(.*)", re.DOTALL)
_SETTING: Final = re.compile(r"slots\s+(\d+)|cursor\s+(next|wrap)|cpus\s+(\d(?:\s*,\s*\d)*)")
_ALONE: Final = frozenset({ScheduleCode.FLUSH, ScheduleCode.SLEEP})
"""Operations without a page."""
_IN_INTERRUPT: Final = frozenset(
    {
        ScheduleCode.PAGE_ADDRESS,
        ScheduleCode.KMAP_LOCAL,
        ScheduleCode.KUNMAP_LOCAL,
        ScheduleCode.READ_LOCAL,
    }
)
_SLOTS_MOST: Final = 16


class ThreadStep(NamedTuple):
    """One operation of a thread; ``page`` is a letter, or empty."""

    code: ScheduleCode
    page: str

    def __str__(self) -> str:
        """Return it in the notation."""
        return f"{self.code.name.lower()} {self.page}".rstrip()


class ThreadContext(NamedTuple):
    """Who executes a thread's operations: a task, or an interrupt of the thread ``target``."""

    context: ScheduleContext = ScheduleContext.TASK
    target: int = 0

    def __str__(self) -> str:
        """Return what the notation puts before the operations."""
        if self.context is ScheduleContext.TASK:
            return ""
        return f"{self.context.name.lower()} {self.target}: "


@dataclass(frozen=True, slots=True)
class ThreadProgram:
    """What each thread does, on how many slots; the cursor stands before them or behind.

    ``shared`` has the CPU of each task where they do not all have one of their own; ``within``
    has the context of each thread where not all are tasks.
    """

    threads: tuple[tuple[ThreadStep, ...], ...]
    slots: int = 1
    wrap: bool = False
    shared: tuple[int, ...] = ()
    within: tuple[ThreadContext, ...] = ()

    def __str__(self) -> str:
        """Return the notation, which :func:`parse_program` reads."""
        steps = (", ".join(map(str, steps)) for steps in self.threads)
        both = zip(self.contexts, steps, strict=True)
        words = [" || ".join(f"{who}{what}" for who, what in both), f"slots {self.slots}"]
        words += ["cursor wrap"] if self.wrap else []
        words += [f"cpus {','.join(map(str, self.shared))}"] if self.shared else []
        return "; ".join(words)

    @property
    def contexts(self) -> tuple[ThreadContext, ...]:
        """The context of each thread."""
        return self.within or (ThreadContext(),) * len(self.threads)

    @property
    def tasks(self) -> tuple[int, ...]:
        """The numbers of the threads that are tasks."""
        return tuple(n for n, one in enumerate(self.contexts) if not one.context)

    @property
    def interrupts(self) -> bool:
        """Tell whether a thread is an interrupt."""
        return len(self.tasks) < len(self.threads)

    @property
    def cpus(self) -> tuple[int, ...]:
        """The CPU of each thread, from 0 on; an interrupt has that of its target."""
        own = dict(zip(self.tasks, self.shared or range(len(self.tasks)), strict=True))
        contexts = enumerate(self.contexts)
        return tuple(own[one.target if one.context else n] for n, one in contexts)

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
    def parts(self) -> frozenset[GatePart]:
        """The code that gets gates: that of a table or of windows only if a thread uses them."""
        found = {GatePart.PKMAP}
        found |= {GatePart.HASH} if self._has(ScheduleCode.PAGE_ADDRESS) else set()
        return frozenset(found | ({GatePart.LOCAL} if self.maps_local else set()))

    @property
    def maps_local(self) -> bool:
        """Tell whether a task maps in a window, which takes a kernel with kmap_local."""
        steps = (one for number in self.tasks for one in self.threads[number])
        return any(one.code is ScheduleCode.KMAP_LOCAL for one in steps)

    @property
    def flushes(self) -> bool:
        """Tell whether a thread drops the unused mappings."""
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
    heads, threads = zip(*(_thread(part, text) for part in body.split("||")), strict=True)
    within = heads if any(one.context for one in heads) else ()
    slots, wrap = 1, False
    shared: tuple[int, ...] = ()
    for setting in filter(None, settings):
        found = _SETTING.fullmatch(setting)
        if found is None:
            raise _wrong(text, f"'{setting}' is neither 'slots N', 'cursor next|wrap' nor 'cpus'")
        slots = int(found[1]) if found[1] else slots
        wrap = found[2] == "wrap" if found[2] else wrap
        shared = tuple(map(int, found[3].split(","))) if found[3] else shared
    program = ThreadProgram(threads, slots, wrap, shared, within)
    _require_sound(program, text)
    return program


def _thread(part: str, text: str) -> tuple[ThreadContext, tuple[ThreadStep, ...]]:
    """The context of a thread and its operations."""
    found = _INTERRUPT.fullmatch(part)
    if found is None:
        return ThreadContext(), tuple(_steps(part, text))
    context = ThreadContext(ScheduleContext[found[1].upper()], int(found[2]))
    return context, tuple(_steps(found[3], text))


def _steps(part: str, text: str) -> Iterator[ThreadStep]:
    for words in part.split(","):
        found = _OPERATION.fullmatch(words.strip())
        code = _WORDS.get(found[1]) if found else None
        if found is None or code is None or bool(found[2]) is (code in _ALONE):
            raise _wrong(text, f"'{words.strip()}' is no operation on a page a to z, nor 'flush'")
        yield ThreadStep(code, found[2] or "")


def _require_sound(program: ThreadProgram, text: str) -> None:
    if not 2 <= len(program.threads) <= THREADS:
        raise _wrong(text, f"a program has 2 to {THREADS} threads")
    if any(len(steps) > OPERATIONS for steps in program.threads):
        raise _wrong(text, f"a thread has at most {OPERATIONS} operations")
    _require_places(program, text)
    if not 1 <= len(program.pages) <= PAGES:
        raise _wrong(text, f"a program has 1 to {PAGES} pages")
    if not max(1, len(program.initial)) <= program.slots <= _SLOTS_MOST:
        raise _wrong(text, f"it needs {max(1, len(program.initial))} to {_SLOTS_MOST} slots")
    if may_starve(program):
        raise _wrong(text, "a correct kernel, too, could let its threads wait for ever")
    if any(map(_reads_unmapped, program.threads)):
        raise _wrong(text, "a thread reads a page that it does not have")
    if not all(map(_is_stack, program.threads)):
        raise _wrong(text, "local mappings of a thread are not undone in the reverse order")


def _require_places(program: ThreadProgram, text: str) -> None:
    """Raise UsageError for a wrong CPU, or an interrupt that interrupts or does what it cannot."""
    if program.shared and len(program.shared) != len(program.tasks):
        raise _wrong(text, "'cpus' has one number for each task")
    for number, (who, steps) in enumerate(zip(program.contexts, program.threads, strict=True)):
        if not who.context:
            continue
        if who.target >= number or who.target not in program.tasks:
            raise _wrong(text, f"there is no task {who.target} before its interrupt")
        if not {one.code for one in steps} <= _IN_INTERRUPT:
            raise _wrong(text, "an interrupt can use page_address and local mappings only")


def _is_stack(steps: Sequence[ThreadStep]) -> bool:
    """Tell whether each local mapping is undone, the newest first, and read only meanwhile."""
    held: list[str] = []
    for one in steps:
        if one.code is ScheduleCode.KMAP_LOCAL:
            if one.page in held:
                return False
            held.append(one.page)
        elif one.code is ScheduleCode.KUNMAP_LOCAL:
            if held[-1:] != [one.page]:
                return False
            held.pop()
        elif one.code is ScheduleCode.READ_LOCAL and one.page not in held:
            return False
    return not held


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
