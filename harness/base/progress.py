"""How long work tells what it is doing, without knowing who listens."""

from dataclasses import dataclass
from typing import Protocol


class Progress(Protocol):
    """A listener for long work: the terminal's bars, a log, or nothing."""

    def step(self, text: str) -> None:
        """A new phase begins; ``text`` names what is done: which kernel, scenario, guest."""

    def advance(self, done: int, total: int, what: str = "") -> None:
        """``done`` of ``total`` units of the present phase are done; ``what`` names the unit.

        ``total`` is 0 where nobody knows it: a guess would be told as a fact.
        """

    def note(self, text: str) -> None:
        """Tell a fact that the user must know, and that stays on the screen."""


class Quiet:
    """The listener that does nothing."""

    def step(self, text: str) -> None:
        """Ignore the phase."""

    def advance(self, done: int, total: int, what: str = "") -> None:
        """Ignore the count."""

    def note(self, text: str) -> None:
        """Ignore the fact."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A listener that tells *progress* everything with ``label`` before it.

    For work that is done several times: on base and patched kernel, in several guests.
    """

    progress: Progress
    label: str

    def step(self, text: str) -> None:
        """Pass on the phase."""
        self.progress.step(f"{self.label}: {text}")

    def advance(self, done: int, total: int, what: str = "") -> None:
        """Pass on the count, which belongs to the phase."""
        self.progress.advance(done, total, what)

    def note(self, text: str) -> None:
        """Pass on the fact."""
        self.progress.note(f"{self.label}: {text}")


def amount_words(done: int, total: int, what: str) -> str:
    """How much is done: ``3 of 12 runs``, or ``437 files`` where the total is not known."""
    return f"{done} of {total} {what}".rstrip() if total else f"{done} {what}".rstrip()
