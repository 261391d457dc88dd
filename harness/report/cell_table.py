"""The table of a check: one row for each configuration and machine, and what was left out."""

from collections.abc import Iterator, Sequence

from harness.check.cell import USUAL, Cell
from harness.check.check_result import CheckResult, ConfigResult, KernelFailure
from harness.check.checking import BaseRun

HEAD = ("config", "machine", "verdict", "because")


def table_lines(result: CheckResult) -> Iterator[str]:
    """The table, where a check has judged or left out more than one cell."""
    if len(result.configs) > 1:
        yield ""
        yield from _aligned([HEAD, *map(_row, result.configs)])
    for one in result.left_out:
        yield f"left out    {one} (--thorough)"


def prepared_lines(bases: Sequence[tuple[Cell, BaseRun]]) -> Iterator[str]:
    """The results of ``--prepare``: one line for each base."""
    rows = [(cell.config, cell.machine or USUAL, _base_words(run)) for cell, run in bases]
    yield from _aligned([("config", "machine", "base"), *rows])


def _row(one: ConfigResult) -> tuple[str, ...]:
    verdict = "left out" if one.left_out else one.change.value
    why = one.why
    if one.failure:
        why = one.failure.words
    return (one.config, one.machine or USUAL, verdict, why)


def _base_words(run: BaseRun) -> str:
    judgement = run.judgement
    if isinstance(judgement, KernelFailure):
        return f"{judgement.words}: {judgement.lines[0] if judgement.lines else ''}"
    kept = ", kept from before" if run.stored else ""
    return judgement.error or f"{judgement.steps} steps judged{kept}"


def _aligned(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """The cells of each row below one another; the last one takes what room there is."""
    widths = [max(map(len, column)) for column in list(zip(*rows, strict=True))[:-1]]
    for row in rows:
        cells = (text.ljust(width) for text, width in zip(row, widths, strict=False))
        yield "  ".join((*cells, row[-1])).rstrip()
