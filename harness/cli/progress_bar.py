"""Progress of long work: a live line on a terminal, plain lines in a log."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

_PLAIN_INTERVAL = 5.0


class TerminalProgress:
    """Progress as rich draws it; only for a terminal."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[figure]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
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
        self._task = self._progress.add_task(text, total=None, figure="")

    def advance(self, done: int, total: int) -> None:
        """Say how much of the current piece is done."""
        if self._task is not None:
            self._progress.update(
                self._task, completed=done, total=total or None, figure=f"{done}/{total}"
            )


class PlainProgress:
    """Progress as lines on standard error: one for each piece of work, and one every few
    seconds.
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
        """Begin a new piece of work."""
        self._text = text
        self._said = time.monotonic()
        sys.stderr.write(f"- {text}\n")
        sys.stderr.flush()

    def advance(self, done: int, total: int) -> None:
        """Say how much of the current piece is done, at most every few seconds."""
        now = time.monotonic()
        if now - self._said >= _PLAIN_INTERVAL:
            self._said = now
            sys.stderr.write(f"  {self._text}: {done}/{total}\n")
            sys.stderr.flush()


def progress_for(console: Console) -> TerminalProgress | PlainProgress:
    """Bars if standard error is a terminal, else lines."""
    return TerminalProgress(console) if console.is_terminal else PlainProgress()


def show_command(command: str) -> None:
    """Show a command line, ready to paste."""
    sys.stderr.write(f"$ {command}\n")
