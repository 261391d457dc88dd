"""Progress of long work: a live line on a terminal, plain lines in a log."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Column

from harness.base.progress import amount_words

_PLAIN_INTERVAL = 30.0
"""Seconds after which a log tells how far a stage is that has no end yet."""


class TerminalProgress:
    """Progress as rich draws it; only for a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            # Only the first column gives way where a terminal is narrow.
            TextColumn("{task.description}", table_column=Column(no_wrap=True, ratio=1)),
            BarColumn(bar_width=12, table_column=Column(min_width=12)),
            TextColumn("{task.fields[figure]}", table_column=Column(no_wrap=True)),
            TimeElapsedColumn(table_column=Column(min_width=7)),
            expand=True,
            console=console,
            transient=True,
            # Else rich sends to standard error what is meant for a file or a pipe.
            redirect_stdout=sys.stdout.isatty(),
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "TerminalProgress":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def step(self, text: str) -> None:
        """Begin a new piece of work."""
        if self._task is not None:
            self._progress.remove_task(self._task)
        self._task = self._progress.add_task(escape(text), total=None, figure="")

    def advance(self, done: int, total: int, what: str = "") -> None:
        """Say how much of the current piece is done."""
        if self._task is not None:
            figure = escape(amount_words(done, total, what))
            self._progress.update(self._task, completed=done, total=total or None, figure=figure)

    def note(self, text: str) -> None:
        """Print a line that stays above the bars."""
        self._console.print(text, markup=False, highlight=False)


class PlainProgress:
    """Progress as lines on standard error: one for each piece of work.

    A piece that takes long has a further line now and then, so that nobody thinks it hangs.
    """

    def __init__(self) -> None:
        self._text = ""
        self._said = 0.0

    def __enter__(self) -> "PlainProgress":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def step(self, text: str) -> None:
        """Begin a new piece of work; print it once, even if it begins twice."""
        if text != self._text:
            _say(f"- {text}")
        self._text = text
        self._said = time.monotonic()

    def advance(self, done: int, total: int, what: str = "") -> None:
        """Say how much of the current piece is done, where it takes long."""
        now = time.monotonic()
        if now - self._said >= _PLAIN_INTERVAL:
            self._said = now
            _say(f"  {self._text}: {amount_words(done, total, what)}")

    def note(self, text: str) -> None:
        """Print a line."""
        _say(f"  {text}")


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def progress_for(console: Console) -> TerminalProgress | PlainProgress:
    """Bars if standard error is a terminal, else lines."""
    return TerminalProgress(console) if console.is_terminal else PlainProgress()


def show_command(command: str) -> None:
    """Show a command line, ready to paste."""
    sys.stderr.write(f"$ {command}\n")
