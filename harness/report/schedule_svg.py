"""A schedule as an SVG picture: a lane for each thread, time from top to bottom."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

from harness.schedule.held_locks import thread_name
from harness.schedule.schedule_lanes import LaneStep, lane_steps
from harness.schedule.schedules_result import FoundSchedule, SchedulesResult
from harness.schedule.thread_program import ThreadProgram

_LANE: Final = 330
_STEP: Final = 22
_TOP: Final = 64
_COLOURS: Final = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd")
_SHOWN: Final = 3


def write_schedule_pictures(result: SchedulesResult, folder: Path) -> tuple[Path, ...]:
    """Write ``schedule-N.svg`` for the first programs that broke a rule."""
    made: list[Path] = []
    for number, one in enumerate(result.violating[:_SHOWN], 1):
        for found in one.violations[:1]:
            path = folder / f"schedule-{number}.svg"
            path.write_text(schedule_svg(one.program, found), encoding="utf-8")
            made.append(path)
    return tuple(made)


def schedule_svg(program: ThreadProgram, found: FoundSchedule) -> str:
    """The picture of one schedule."""
    steps = list(lane_steps(program, found))
    width = _LANE * len(program.threads)
    height = _TOP + _STEP * (len(steps) + 1)
    title = f"{found.rule}: {program}"
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
            'font-family="monospace" font-size="12">',
            f"<title>{escape(title)}</title>",
            '<rect width="100%" height="100%" fill="white"/>',
            f'<text x="8" y="20" font-weight="bold">{escape(title)}</text>',
            *_heads(program, height),
            *_switches(steps),
            *(_step(number, one) for number, one in enumerate(steps)),
            "</svg>",
        )
    )


def _heads(program: ThreadProgram, height: int) -> Iterator[str]:
    for number in range(len(program.threads)):
        x, colour = _x(number), _colour(number)
        name = escape(thread_name(program, number))
        yield f'<text x="{x}" y="44" fill="{colour}" font-weight="bold">{name}</text>'
        yield f'<line x1="{x}" y1="50" x2="{x}" y2="{height - 6}" stroke="{colour}"/>'


def _switches(steps: Sequence[LaneStep]) -> Iterator[str]:
    """A dashed line from the last step of a thread to the first of the next one."""
    for number, (one, other) in enumerate(pairwise(steps)):
        if one.thread != other.thread:
            ends = f'x2="{_x(other.thread)}" y2="{_y(number + 1)}"'
            start = f'x1="{_x(one.thread)}" y1="{_y(number)}"'
            yield f'<line {start} {ends} stroke="#888" stroke-dasharray="4 3"/>'


def _step(number: int, one: LaneStep) -> str:
    x, y = _x(one.thread), _y(number)
    dot = f'<circle cx="{x}" cy="{y}" r="4" fill="{_colour(one.thread)}"/>'
    return f'{dot}<text x="{x + 10}" y="{y + 4}">{escape(one.words.strip())}</text>'


def _x(thread: int) -> int:
    return 14 + _LANE * thread


def _y(number: int) -> int:
    return _TOP + _STEP * number


def _colour(thread: int) -> str:
    return _COLOURS[thread % len(_COLOURS)]
