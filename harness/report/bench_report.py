"""Figures as a table, as JSON, and beside those of an earlier time."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.bench.figure import Figure, find_figure
from harness.bench.peer import CHECK_EDIT, DEFAULT_EDIT, KUNIT_EDIT
from harness.errors import UsageError

FORMAT = 2
WIDTH = 40


def bench_value(
    figures: Sequence[Figure], subject: Mapping[str, str], missing: Mapping[str, str]
) -> dict[str, Any]:
    """The measurement as one JSON object.

    *subject* says what was measured, when and where; *missing* gives the reason for each figure
    that there is not.
    """
    return {
        "format": FORMAT,
        "subject": dict(subject),
        "missing": dict(missing),
        "ratios": dict(ratios(figures)),
        "figures": [_figure_value(figure) for figure in figures],
    }


def _figure_value(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "unit": figure.unit,
        "median": figure.median,
        "min": min(figure.samples),
        "max": max(figure.samples),
        "samples": figure.samples,
        "calibration": figure.calibration,
        "share": figure.share,
    }


def ratios(figures: Sequence[Figure]) -> Iterator[tuple[str, float]]:
    """The pairs of rows that are compared: the name of each, and the ratio of the medians."""
    for what, one, other in _PAIRS:
        for unit in ("", ", CPU"):
            above, below = (find_figure(figures, name + unit) for name in (one, other))
            if above and below:
                yield f"{what}{unit}", above.median / below.median
    for ours in figures:
        if ours.name.startswith(_OURS):
            rest = ours.name.removeprefix(_OURS)
            if plain := find_figure(figures, f"boot plain{rest}"):
                yield f"boot ours / plain{rest}", ours.median / plain.median


_PAIRS = (
    ("check / kunit.py", CHECK_EDIT, KUNIT_EDIT),
    ("check by default / --quick", DEFAULT_EDIT, CHECK_EDIT),
)
_OURS = "boot ours"


def bench_lines(
    figures: Sequence[Figure],
    before: Mapping[str, tuple[float, float]],
    missing: Mapping[str, str],
) -> Iterator[str]:
    """The measurement as a table.

    *before* adds the change since then, corrected for the speed of the host; *missing* says why a
    row has no figure.  The column ``loop`` shows the fixed loop of the same minute: its CPU time
    in ms, and the share of a core that the host gave it.
    """
    head = f"{'figure':{WIDTH}}{'median':>9}{'min':>9}{'max':>9} {'unit':8}{'loop':>6}{'share':>7}"
    yield head + f"{'baseline':>9}" * bool(before)
    for figure in figures:
        yield _figure_line(figure) + _change(figure, before)
    for name, ratio in ratios(figures):
        yield f"{name:{WIDTH}}{ratio:9.2f}"
    for name, why in missing.items():
        yield f"{name:{WIDTH}}{'-':>9}  {why}"


def _figure_line(figure: Figure) -> str:
    numbers = "".join(
        _number(one) for one in (figure.median, min(figure.samples), max(figure.samples))
    )
    loop = f"{figure.calibration * 1e3:6.1f} {figure.share * 100:4.0f} %"
    return f"{figure.name:{WIDTH}}{numbers} {figure.unit:8}{loop}"


def _number(one: float) -> str:
    return f"{one:9.3f}" if one < 100 else f"{one:9,.0f}"


def _change(figure: Figure, before: Mapping[str, tuple[float, float]]) -> str:
    if figure.name not in before:
        return "      new" if before else ""
    median, calibration = before[figure.name]
    speed = calibration / figure.calibration
    expected = median * speed if figure.unit.startswith(("1/", "MB/")) else median / speed
    if figure.unit == "MiB":
        expected = median
    return f"{(figure.median / expected - 1) * 100:+7.0f} %"


def read_figures(path: Path) -> Mapping[str, tuple[float, float]]:
    """Median and calibration by name, from an earlier JSON.  Raises UsageError if it is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return {one["name"]: (one["median"], one["calibration"]) for one in document["figures"]}
    except OSError as error:
        raise UsageError(
            f"the baseline cannot be read: {error}", hint="give an earlier --json"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path} has no figures: {error!r}", hint="give an earlier --json"
        ) from error
