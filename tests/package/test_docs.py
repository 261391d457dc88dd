"""The pages for readers: their command lines, links and widths are right."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from harness.cli.main import application
from tests.package.conftest import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
WIDEST = 99
SCRIPTS = {"ci/run": "run", "ci/bench": "bench", "ci/nightly": "nightly"}
"""Scripts that pass their arguments on, and the command that gets them."""
LINK = re.compile(r"\]\((?!https?:)([^)#\s]*)(#[^)\s]*)?\)")
PATH = re.compile(r"`((?:harness|kmod|images|tests|ci|docs|\.github)/[\w./*-]*[\w/*])`")
COMMAND = re.compile(
    r"(?:^|[\s`|(])(?:\.venv/bin/)?(kmap-harness|ci/[a-z-]+(?![\w/-]))((?: [^`]*)?)"
)
QUOTED = re.compile(r'"kmap-harness ([^"]*)"')
"""A command line that is a setting of another tool."""


COMMANDS = get_command(application(())).commands
"""Each command by name, with its options as ``params``."""


def code(page: Path) -> Iterator[str]:
    """Lines of code blocks without their comments, and code inside of lines."""
    for line in page.read_text().splitlines():
        if line.startswith("    "):
            yield re.sub(r"\s# .*|\s{4,}.*", "", line.strip())
        else:
            yield from re.findall(r"`([^`]+)`", line)


def calls(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Programs of this project that *page* calls, with their words."""
    for text in code(page):
        for program, rest in COMMAND.findall(text):
            yield program, shlex.split(rest.split(" | ")[0])
        for words in QUOTED.findall(text):
            yield "kmap-harness", shlex.split(words)


def known(command) -> set[str]:
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)}


def complaints(program: str, words: list[str]) -> Iterator[str]:
    """What is wrong with a call: a script, a command or an option that there is not."""
    if program != "kmap-harness":
        if not (ROOT / program).is_file():
            yield f"no script {program}"
        words = [SCRIPTS[program], *words] if program in SCRIPTS else []
    if not words or not re.fullmatch(r"[a-z-]+", words[0]) or words[0].startswith("-"):
        return
    command = COMMANDS.get(words[0])
    if command is None:
        yield f"no command {words[0]}"
        return
    options = known(command) | {"--help"}
    if isinstance(command, TyperGroup):
        options |= {name for part in command.commands.values() for name in known(part)}
    for word in words[1 : words.index("--") if "--" in words else None]:
        if word.startswith("-") and len(word) > 1 and word.split("=")[0] not in options:
            yield f"{words[0]} has no option {word}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_command_lines_name_commands_and_options_that_there_are(page: Path) -> None:
    wrong = [
        f"{program} {' '.join(words)}: {why}"
        for program, words in calls(page)
        for why in complaints(program, words)
    ]
    assert wrong == []


@pytest.mark.parametrize("call", ["run --sed 7", "judge x", "kernels build --fresh"])
def test_a_wrong_command_line_is_noticed(call: str) -> None:
    assert list(complaints("kmap-harness", call.split()))


def anchors(page: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for name, anchor in LINK.findall(page.read_text()):
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {name}"
        if anchor and target.suffix == ".md":
            assert anchor[1:] in anchors(target), f"{page.name}: {name}{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_pages_name_are_there(page: Path) -> None:
    """But for words in capitals, and the data in a wheel; the changelog tells of files as they
    were.
    """
    if page.name == "CHANGELOG.md":
        return
    named = set(re.findall(PATH, page.read_text()))
    real = {name for name in named if "_data" not in name and not re.search("[A-Z]{3}", name)}
    assert {name for name in real if not any(ROOT.glob(name.rstrip("/")))} == set()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_lines_are_short(page: Path) -> None:
    """But for tables, whose rows Markdown cannot break."""
    lines = enumerate(page.read_text().splitlines(), 1)
    long = [number for number, line in lines if len(line) > WIDEST and line[:1] != "|"]
    assert long == []


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    missing = [page.name for page in ROOT.glob("docs/*.md") if f"({page.name})" not in index]
    assert missing == ["index.md"]
