"""The places of a command's logs: a line of every report, before the verdict."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

_VERDICT = re.compile(r"verdict +")
_WIDTH = 12


def with_logs(lines: Iterable[str], folder: Path) -> Iterator[str]:
    """*lines* with a line that names *folder* and the logs in it before the last."""
    *before, last = lines
    yield from before
    label = _VERDICT.match(last)
    width = len(label[0]) if label else _WIDTH
    files = ", ".join(sorted(path.name for path in folder.glob("*.log")))
    yield f"{'logs':{width}}{folder}{f': {files}' if files else ''}"
    yield last
