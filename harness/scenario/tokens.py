"""Text to tokens, each with its place."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Final, NamedTuple

from harness.scenario.scenario_error import ScenarioError, SourcePlace


class TokenKind(Enum):
    """Kind of a token."""

    NAME = "name"
    NUMBER = "number"
    SYMBOL = "symbol"
    TITLE = "title"
    NEWLINE = "end of line"
    END = "end of file"


class Token(NamedTuple):
    """One token."""

    kind: TokenKind
    text: str
    where: SourcePlace

    def __str__(self) -> str:
        return self.text if self.text.strip() else self.kind.value


_TITLE: Final = re.compile(r"\s*title:[ \t]*(.*?)\s*$")
_SHOWN: Final = 40
"""Characters of a text that is no word in a message."""

_TOKEN: Final = re.compile(
    r"(?P<skip>[ \t\r]+|#.*)"
    r"|(?P<name>[A-Za-z_][A-Za-z_0-9]*)"
    r"|(?P<number>0[xX][0-9A-Fa-f]+|[0-9]+)(?![A-Za-z_0-9])"
    r"|(?P<symbol>->|\.\.|>=|<=|[{}()\[\]=+\-*/%:;,@|!<>])"
)


def tokenize(text: str, file: str) -> list[Token]:
    """Cut *text* into tokens, ending in one of kind END.

    Raises ScenarioError at a character that belongs to no token.
    """
    tokens: list[Token] = []
    line = 0
    for line, content in enumerate(text.split("\n"), 1):
        tokens.extend(_line(content, file, line))
    tokens.append(Token(TokenKind.END, "", SourcePlace(file, line, 1)))
    return tokens


def _line(content: str, file: str, line: int) -> Iterator[Token]:
    title = _TITLE.match(content)
    if title:
        yield Token(TokenKind.TITLE, title[1], SourcePlace(file, line, title.start(1) + 1))
    else:
        yield from _words(content, file, line)
    yield Token(TokenKind.NEWLINE, "", SourcePlace(file, line, len(content) + 1))


def _words(content: str, file: str, line: int) -> Iterator[Token]:
    position = 0
    while position < len(content):
        where = SourcePlace(file, line, position + 1)
        match = _TOKEN.match(content, position)
        if not match:
            raise _no_word(where, content[position:])
        if match.lastgroup != "skip":
            yield Token(TokenKind[str(match.lastgroup).upper()], match[0], where)
        position = match.end()


def _no_word(where: SourcePlace, rest: str) -> ScenarioError:
    """The error of text that begins with no token; a character that nobody sees has its number."""
    words = rest.split(maxsplit=1)
    if words and rest.startswith(words[0]):
        shown = words[0] if len(words[0]) <= _SHOWN else words[0][:_SHOWN] + "..."
        return ScenarioError(where, "not a word of the language", offending=shown)
    return ScenarioError(
        where,
        f"the character U+{ord(rest[0]):04X} separates no words here",
        offending=rest[0],
        hint="put a space or a tab in its place",
    )
