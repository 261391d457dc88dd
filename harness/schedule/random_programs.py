"""Random programs that are too long for every schedule: for random ones."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Final

from harness.guest.schedule_wire import OPERATIONS, ScheduleCode
from harness.schedule.thread_program import ThreadProgram, ThreadStep, may_starve

_THREADS: Final = (2, 3, 3)
_HELD: Final = (1, 1, 2)
"""Mappings of a thread at a time: with one each, the threads wait for each other on one slot."""
_PAGES: Final = "abcd"
_OWN: Final = "x"
_SLOTS_MOST: Final = 4


def random_programs(count: int, seed: int) -> tuple[ThreadProgram, ...]:
    """Return so many programs, in which no thread may wait for ever; a seed means the same."""
    random = Random(f"schedules {seed}")
    found = (_program(random) for _ in iter(int, 1))
    return tuple(program for program, _ in zip(_sound(found), range(count), strict=False))


def _sound(programs: Iterator[ThreadProgram]) -> Iterator[ThreadProgram]:
    """Yield each program on the fewest slots that suffice; not those that need many."""
    for one in programs:
        enough = (replace(one, slots=slots) for slots in range(1, _SLOTS_MOST + 1))
        least = next((each for each in enough if not may_starve(each)), None)
        if least is not None:
            yield least


def _program(random: Random) -> ThreadProgram:
    most = random.choice(_HELD)
    count = random.choice(_THREADS)
    owner = random.randrange(count + 1)
    threads = tuple(tuple(_steps(random, most, owns=owner == n)) for n in range(count))
    return ThreadProgram(threads, wrap=random.random() < 0.5)


def _steps(random: Random, most: int, *, owns: bool) -> Iterator[ThreadStep]:
    """Yield what a thread does that maps so often at a time; it gives everything back.

    One that owns a page has it from the beginning.
    """
    held: Counter[str] = Counter({_OWN: int(owns)})
    for left in range(OPERATIONS, 0, -1):
        steps = tuple(_possible(held, left, most))
        if not steps:
            return
        chosen = random.choice(steps)
        held[chosen.page] += {ScheduleCode.KMAP: 1, ScheduleCode.KUNMAP: -1}.get(chosen.code, 0)
        yield chosen


def _possible(held: Counter[str], left: int, most: int) -> Iterator[ThreadStep]:
    """Yield the steps after which there is room to give back what is held."""
    now = held.total()
    mine = [page for page in (*_PAGES, _OWN) if held[page]]
    yield from (ThreadStep(ScheduleCode.KUNMAP, page) for page in mine)
    if left > now:
        yield from (ThreadStep(ScheduleCode.READ, page) for page in mine)
        yield from (ThreadStep(ScheduleCode.PAGE_ADDRESS, page) for page in _PAGES[:1])
    if left > now + 1 and now < most:
        yield from (ThreadStep(ScheduleCode.KMAP, page) for page in _PAGES)
