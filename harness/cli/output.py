"""The output of a command: its progress, its report, and the results that programs read."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from harness.base.output_files import STANDARD_OUTPUT, require_writable, write_whole
from harness.base.progress import Progress, Quiet
from harness.cli.progress_bar import progress_for
from harness.report.folding import folded_all


@contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[Progress]:
    """The progress of a command, on standard error; with *quiet* it prints nothing."""
    if quiet:
        yield Quiet()
        return
    with progress_for(Console(stderr=True)) as progress:
        yield progress


class CommandOutput:
    """The streams and files of one command.

    A result that goes to standard output (``-``) has it alone: the report then goes to standard
    error.  Raises UnwritableError or UsageError where a result cannot be written.
    """

    def __init__(self, *results: Path | None, quiet: bool = False) -> None:
        named = [path for path in results if path]
        require_writable(named)
        self._quiet = quiet
        self._piped = STANDARD_OUTPUT in named

    def report(self, lines: Iterable[str]) -> None:
        """Print the report, or with --quiet its last line, the verdict."""
        found = list(folded_all(lines))
        stream = sys.stderr if self._piped else sys.stdout
        stream.writelines(f"{line}\n" for line in (found[-1:] if self._quiet else found))
        stream.flush()

    def meanwhile(self, lines: Iterable[str]) -> None:
        """Print a part of the report as soon as it is known, unless --quiet."""
        if not self._quiet:
            self.report(lines)


def write_json(path: Path | None, value: object) -> None:
    """Write *value* as JSON, if a *path* is named.  Raises UnwritableError."""
    if path:
        write_whole(path, json.dumps(value, indent=1) + "\n")
