"""Errors of the scenario language; each names file, line and column, and shows the text."""

from typing import Final, NamedTuple

from harness.errors import UsageError

_REFERENCE: Final = "docs/scenarios.md has the words of the language and its rules"
"""The remedy of an error that has no better one."""


class SourcePlace(NamedTuple):
    """A place in a scenario file; lines and columns count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class ScenarioError(UsageError):
    """A scenario that cannot be read or would break a rule; the message points at the place.

    ``offending`` is the text at *where*; the hint tells what to write instead.
    """

    def __init__(
        self, where: SourcePlace, problem: str, *, offending: str = "", hint: str = ""
    ) -> None:
        shown = f": {offending!r}" if offending else ""
        super().__init__(f"{where}: {problem}{shown}", hint=hint or _REFERENCE)
        self.where = where
        self.problem = problem
        self.offending = offending
