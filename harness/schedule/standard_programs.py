"""The standard set of programs: all pairs of small threads, and some triples."""

from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import Final

from harness.schedule.thread_program import ThreadProgram, may_starve, parse_program

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
_SLOTS_MOST: Final = 3


def standard_programs() -> Iterator[ThreadProgram]:
    """Each pair and triple on the fewest slots, the small pairs also on one more, both cursors.

    Pairs in which nothing is mapped are left out.
    """
    pairs = (" || ".join(pair) for pair in combinations_with_replacement(_PARTS, 2))
    for text in (*(one for one in pairs if "kmap" in one), *_TRIPLES):
        fewest = _fewest_slots(text)
        yield from (_on(text, fewest, wrap=wrap) for wrap in (False, True))
        if text.count("||") == 1 and fewest < _SLOTS_MOST:
            yield _on(text, fewest + 1, wrap=True)


def _fewest_slots(text: str) -> int:
    """Return the fewest slots on which no thread may wait for ever."""
    loose = parse_program(f"{text}; slots 16")
    least = max(1, len(loose.initial))
    return next(
        slots for slots in range(least, 17) if not may_starve(ThreadProgram(loose.threads, slots))
    )


def _on(text: str, slots: int, *, wrap: bool) -> ThreadProgram:
    return parse_program(f"{text}; slots {slots}; cursor {'wrap' if wrap else 'next'}")
