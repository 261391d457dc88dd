"""The standard set: pairs of small threads, triples, interrupts, and threads on one CPU.

The small programs come first: they are chosen for the races of the catalogue (tests/mutants), of
which some show at accesses only.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations_with_replacement
from typing import Final

from harness.kernel.kernel_record import Kernel
from harness.schedule.thread_program import ThreadProgram, may_starve, parse_program

_SMALL: Final = (
    "kmap a || kunmap x; slots 1",
    "kmap a, kunmap a || kmap b, read b, kunmap b; slots 1",
    "kmap a || kmap a, kunmap a; slots 1",
    "kmap a, kunmap a || kmap a, kunmap a; slots 1; cursor wrap",
    "kmap a || kunmap x, kmap a; slots 1",
    "read x, kunmap x, kmap a, read a || flush; slots 1",
    "page_address x || hardirq 0: page_address x; slots 1",
    "kmap a, kunmap a || hardirq 0: page_address a; slots 1",
    "kmap_local a, read_local a, kunmap_local a || "
    "hardirq 0: kmap_local b, read_local b, kunmap_local b; slots 1",
)
"""Waits, slots and pages that two threads share, a look after a sleep, flushes, interrupts."""
_PARTS: Final = (
    "kmap a",
    "kmap a, kunmap a",
    "kmap b, read b, kunmap b",
    "kmap b, kmap c, kunmap b, kunmap c",
    "kmap b, read b, kunmap b, kmap c, read c, kunmap c",
    "kunmap x",
    "kunmap x, kmap a",
    "page_address a",
    "page_address x, page_address a",
    "flush",
)
"""What a thread does: map, map the same page, wait, wake, look, flush."""
_TRIPLES: Final = (
    "kmap a || kmap a || kunmap x",
    "kmap a, kunmap a || kmap a, kunmap a || kunmap x",
    "kmap a, kunmap a || kmap b, kunmap b || kunmap x",
    "kmap a, kunmap a || kmap b, read b, kunmap b || flush",
    "kmap a, kunmap a || kunmap x || flush",
    "kmap a, kunmap a || kmap b, kunmap b || kmap c, kunmap c",
    "kmap a, kunmap a || page_address a || kunmap x",
)
_INTERRUPTED: Final = (
    "page_address x || hardirq 0: page_address x",
    "page_address x || softirq 0: page_address x",
    "kmap a, kunmap a || hardirq 0: page_address a",
    "page_address a || kmap a, kunmap a || hardirq 0: page_address a",
    "kmap a, kunmap a || kunmap x || hardirq 1: page_address x",
    "kmap a, kunmap a || kunmap x || softirq 0: page_address a",
    "kmap a, kunmap a || kmap a, kunmap a || hardirq 0: kmap_local b, read_local b, "
    "kunmap_local b",
)
_WINDOWS: Final = (
    "kmap_local a, sleep, read_local a, kunmap_local a || "
    "kmap_local b, sleep, read_local b, kunmap_local b; cpus 0,0",
    "kmap_local a, kmap_local b, sleep, read_local b, kunmap_local b, read_local a, "
    "kunmap_local a || kmap_local c, read_local c, kunmap_local c; cpus 0,0",
    "kmap_local a, sleep, read_local a, kunmap_local a || kmap_local b, read_local b, "
    "kunmap_local b || kmap_local c, read_local c, kunmap_local c; cpus 0,0,0",
    "kmap_local a, sleep, read_local a, kunmap_local a || kmap_local b, read_local b, "
    "kunmap_local b || hardirq 0: kmap_local c, read_local c, kunmap_local c; cpus 0,0",
    "kmap_local a, read_local a, kunmap_local a || kmap_local b, read_local b, "
    "kunmap_local b || softirq 1: kmap_local c, read_local c, kunmap_local c; cpus 0,0",
)
_SLOTS_MOST: Final = 3
KMAP_LOCAL: Final = "CONFIG_KMAP_LOCAL"


def small_programs() -> tuple[ThreadProgram, ...]:
    """Return the programs with the fewest schedules that show races of each kind."""
    return tuple(map(parse_program, _SMALL))


def standard_programs() -> tuple[ThreadProgram, ...]:
    """Return the small programs, and then all others."""
    return tuple(dict.fromkeys((*small_programs(), *_larger_programs())))


def _larger_programs() -> Iterator[ThreadProgram]:
    """Each pair and triple on the fewest slots, the small pairs also on one more, both cursors.

    Pairs in which nothing is mapped are left out.  Interrupts come first: they have few schedules.
    """
    for text in _INTERRUPTED:
        yield from (_on(text, _fewest_slots(text), wrap=wrap) for wrap in (False, True))
    pairs = (" || ".join(pair) for pair in combinations_with_replacement(_PARTS, 2))
    for text in (*(one for one in pairs if "kmap" in one), *_TRIPLES):
        fewest = _fewest_slots(text)
        yield from (_on(text, fewest, wrap=wrap) for wrap in (False, True))
        if text.count("||") == 1 and fewest < _SLOTS_MOST:
            yield _on(text, fewest + 1, wrap=True)
    yield from map(parse_program, _WINDOWS)


def possible(programs: Iterable[ThreadProgram], kernel: Kernel) -> tuple[ThreadProgram, ...]:
    """Return the programs that *kernel* can run: some need kmap_local."""
    local = kernel.config.enabled(KMAP_LOCAL)
    return tuple(one for one in programs if local or not one.maps_local)


def _fewest_slots(text: str) -> int:
    """Return the fewest slots on which no thread may wait for ever."""
    loose = parse_program(f"{text}; slots 16")
    least = max(1, len(loose.initial))
    return next(slots for slots in range(least, 17) if not may_starve(replace(loose, slots=slots)))


def _on(text: str, slots: int, *, wrap: bool) -> ThreadProgram:
    return parse_program(f"{text}; slots {slots}; cursor {'wrap' if wrap else 'next'}")
