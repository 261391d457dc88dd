"""Pictures of slots with columns as narrow as their content, for mails."""

import re
from collections.abc import Iterable, Iterator
from itertools import groupby

from harness.compare.picture import CELL

_ROW = re.compile(rf"(\s*>?\s*)(slot|\d+)  (\S.{{{CELL - 1}}})(.{{{CELL}}})(.*)")


def narrowed(lines: Iterable[str]) -> Iterator[str]:
    """*lines*, in which the rows of each picture are as narrow as their cells allow."""
    for rows, group in groupby(lines, lambda line: _ROW.fullmatch(line) is not None):
        found = list(group)
        yield from _narrow(found) if rows else found


def _narrow(rows: list[str]) -> Iterator[str]:
    found = [tuple(one.groups()) for one in map(_ROW.fullmatch, rows) if one]
    cells = [(name, *(cell.strip() for cell in rest)) for _, name, *rest in found]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for (start, *_), (name, before, seen, allowed) in zip(found, cells, strict=True):
        mark = ">" if ">" in start else " "
        slot = f"{mark:>4}{name:>{widths[0] + 1}}"
        yield f"{slot}  {before:{widths[1]}}  {seen:{widths[2]}}  {allowed}".rstrip()
