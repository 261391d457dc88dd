"""Help: whole at any width, and one meaning for each option over all commands."""

import re
from collections import defaultdict
from pathlib import Path

import pytest

from harness import cli

from .commands import TOP, commands

NAMES = [names for names, _ in commands()]
COMPLETION = ("--install-completion", "--show-completion")
"""Typer's own."""


def meaning(text):
    """The first sentence, without the default that a command gives."""
    return re.split(r"(?<=\.) | \[default|\[default", text)[0].strip()


def meanings():
    found = defaultdict(set)
    for names, command in commands():
        for option in command.params:
            for name in (*option.opts, *option.secondary_opts):
                if name.startswith("-") and name not in COMPLETION:
                    kind = "flag" if option.is_flag else "value"
                    found[name].add((meaning(option.help or ""), kind, option.opts[-1]))
                    assert option.help, f"{names}: {name} has no help"
    return found


def test_an_option_has_one_meaning_over_all_commands():
    several = {name: sorted(found) for name, found in meanings().items() if len(found) > 1}
    assert several == {}


def test_a_help_text_is_a_sentence():
    odd = [text for found in meanings().values() for text, _, _ in found if text[-1:] != "."]
    assert odd == []


def test_short_names_are_never_used_twice():
    """A letter stands for the same option in every command that has it."""
    assert {name for name in meanings() if len(name) == 2} >= {"-q", "-v"}


def test_every_command_that_shows_progress_can_be_quiet():
    """A source that shows progress has the option once for each command that does so."""
    for path in sorted(Path(cli.__path__[0]).glob("*.py")):
        text = path.read_text()
        shown = len(re.findall(r"shown_progress\((?!quiet=quiet|\*)", text))
        assert shown == 0 or path.stem == "output", f"{path.stem} shows progress with --quiet"
        if "shown_progress(" in text:
            assert "quiet: Silence = False" in text or path.stem == "output", path.stem


def help_of(names):
    """What ``-h`` prints, made in this process."""
    context, command = None, TOP
    for name in ("kmap-harness", *names):
        command = command.commands[name] if context else command
        context = command.context_class(
            command, context, info_name=name, **command.context_settings
        )
    assert set(command.get_help_option_names(context)) == {"-h", "--help"}
    return command, command.get_help(context)


@pytest.mark.parametrize("names", NAMES, ids=lambda names: " ".join(names) or "top")
@pytest.mark.parametrize("width", [60, 80])
def test_help_is_wrapped_and_nothing_is_cut(monkeypatch, names, width):
    """In words: wrapping puts line ends and blanks between them, and changes nothing else."""
    monkeypatch.setenv("COLUMNS", str(width))
    command, text = help_of(names)
    assert [line for line in text.splitlines() if len(line) > width] == []
    said = " ".join(text.split())
    for option in command.params:
        assert " ".join(option.help.split()) in said
    for below in getattr(command, "commands", {}).values():
        first = " ".join(below.help.split("\n\n")[0].split()).removesuffix(".")
        assert first in said


def test_the_short_name_of_help_works(harness):
    answer = harness("cache", "list", "-h")
    assert answer.code == 0
    assert "--json" in answer.out
