"""Expressions that choose scenarios by name: ``pkmap and not (wait or wake)``."""

import re
from collections.abc import Callable
from functools import partial

from harness.errors import UsageError

Matches = Callable[[str], bool]
"""A test that tells whether a name is chosen."""

_WORDS_MOST = 200
"""More would nest deeper than Python calls."""
_TOKEN = re.compile(r"\s*([()]|[^\s()]+)")


def name_expression(text: str) -> Matches:
    """The names that *text* chooses: each word stands for the names that have it in them.

    ``and``, ``or``, ``not`` and parentheses join words; ``not`` binds closest, then ``and``.
    Raises UsageError where *text* is no such expression.
    """
    parser = _ExpressionParser(text)
    if len(parser.words) > _WORDS_MOST:
        raise parser.error(f"it has more than {_WORDS_MOST} words")
    matches = parser.any_of()
    if parser.words:
        raise parser.error(f"{parser.words[0]!r} is not expected there")
    return matches


class _ExpressionParser:
    """Reads words from the left; each method takes what it understands."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.words: list[str] = _TOKEN.findall(text)

    def error(self, problem: str) -> UsageError:
        return UsageError(
            f"-k {self.text!r}: {problem}",
            hint="join parts of names by and, or, not and parentheses: 'pkmap and not wait'",
        )

    def _takes(self, word: str) -> bool:
        found = self.words[:1] == [word]
        del self.words[:found]
        return found

    def any_of(self) -> Matches:
        parts = [self._all_of()]
        while self._takes("or"):
            parts.append(self._all_of())
        return partial(_any, parts)

    def _all_of(self) -> Matches:
        parts = [self._one()]
        while self._takes("and"):
            parts.append(self._one())
        return partial(_all, parts)

    def _one(self) -> Matches:
        if self._takes("not"):
            return partial(_not, self._one())
        if self._takes("("):
            inner = self.any_of()
            if not self._takes(")"):
                raise self.error("a parenthesis is not closed")
            return inner
        if not self.words or self.words[0] in (")", "and", "or"):
            raise self.error("a part of a name is missing")
        return partial(_has, self.words.pop(0).lower())


def _any(parts: list[Matches], name: str) -> bool:
    return any(matches(name) for matches in parts)


def _all(parts: list[Matches], name: str) -> bool:
    return all(matches(name) for matches in parts)


def _not(matches: Matches, name: str) -> bool:
    return not matches(name)


def _has(word: str, name: str) -> bool:
    return word in name.lower()
