"""Every command of the command line, with its options."""

from collections.abc import Iterator
from typing import Any

from typer.main import get_command

from harness.cli.main import application

TOP = get_command(application(()))


def commands(command: Any = TOP, *names: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command with the words that name it, groups before what they hold."""
    yield names, command
    for name, below in getattr(command, "commands", {}).items():
        yield from commands(below, *names, name)
