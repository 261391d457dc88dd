"""Groups of commands whose help is wrapped, and never cut, however narrow the terminal is."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

import typer
from typer.core import TyperGroup

HELP_WORDS = {"help_option_names": ["-h", "--help"]}
"""Settings of the top level; the commands below take them over."""
_NEVER_CUT = 10_000


class HelpWriter(Protocol):
    """The part of click's HelpFormatter that lists commands.

    Click is a package of its own or a part of typer, depending on typer's version.
    """

    def section(self, name: str) -> AbstractContextManager[None]:
        """Indent what is written inside, below a heading."""

    def write_dl(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write two columns, the second wrapped."""


class FullHelpGroup(TyperGroup):
    """A group that prints the whole first sentence of each command's help."""

    def format_commands(  # type: ignore[override] # click is untyped
        self, ctx: typer.Context, formatter: HelpWriter
    ) -> None:
        """Write the list of commands."""
        rows = [
            (name, command.get_short_help_str(_NEVER_CUT))
            for name in self.list_commands(ctx)
            if (command := self.get_command(ctx, name)) and not command.hidden
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
