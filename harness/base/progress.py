"""How long work tells what it is doing, without knowing who listens."""

from typing import Protocol


class Progress(Protocol):
    """A listener for long work: the terminal's bars, a log, or nothing."""

    def step(self, text: str) -> None:
        """A new phase begins, described by ``text``."""

    def advance(self, done: int, total: int) -> None:
        """``done`` of ``total`` units (bytes, files) of the present phase are done."""


class Quiet:
    """The listener that does nothing."""

    def step(self, text: str) -> None:
        """Ignore the phase."""

    def advance(self, done: int, total: int) -> None:
        """Ignore the count."""
