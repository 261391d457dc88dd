"""Pictures of a night's page as SVG: the pkmap array, a trend.

Each has a title for who does not see it, and takes its colours from the page's style.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from markupsafe import Markup, escape

_ACROSS: Final = 64
_CELL: Final = 9
_TREND: Final = (300, 60)


def pkmap_svg(picture: Mapping[str, Any]) -> Markup:
    """Every slot before the step as a square: the darker, the more users; the odd ones framed."""
    counts = [count for length, count in picture["counts"] for _ in range(length)]
    odd = {row["number"] for row in picture["slots"] if row["odd"]}
    height = -(-len(counts) // _ACROSS) * _CELL
    used = sum(count > 0 for count in counts)
    title = f"{len(counts)} pkmap slots before the step, {used} in use; differing: {_list(odd)}"
    squares = (_square(number, count, number in odd) for number, count in enumerate(counts))
    return _svg(_ACROSS * _CELL, height, title, squares)


def _list(numbers: set[int]) -> str:
    return ", ".join(map(str, sorted(numbers))) or "none"


def _square(number: int, count: int, odd: bool) -> str:
    if not count and not odd:
        return ""
    x, y = number % _ACROSS * _CELL, number // _ACROSS * _CELL
    kind = f"c{min(count, 3)}{' odd' if odd else ''}"
    return f'<rect x="{x}" y="{y}" width="{_CELL - 1}" height="{_CELL - 1}" class="{kind}"/>'


def trend_svg(name: str, values: Sequence[float]) -> Markup:
    """The values of the nights as a line, the oldest left."""
    width, height = _TREND
    most = max(values, default=0) or 1
    step = (width - 10) / max(len(values) - 1, 1)
    points = " ".join(
        f"{5 + number * step:.0f},{height - 5 - value / most * (height - 10):.0f}"
        for number, value in enumerate(values)
    )
    last = values[-1] if values else 0
    title = f"{name} over {len(values)} nights, the oldest left; now {last:g}, most {most:g}"
    return _svg(width, height, title, [f'<polyline points="{points}" class="trend"/>'])


def _svg(width: int, height: int, title: str, parts: Iterator[str] | Sequence[str]) -> Markup:
    """A picture as wide as its place allows, and never wider than drawn."""
    head = f'<svg role="img" aria-label="{escape(title)}" viewBox="0 0 {width} {height}"'
    style = f'style="max-width:{width}px"'
    body = "".join(parts)
    return Markup(f"{head} {style}><title>{escape(title)}</title>{body}</svg>")
