"""Tokens in order, with the questions a parser asks of them."""

from collections.abc import Sequence
from typing import Final, NoReturn

from harness.scenario.expression import Binary, Expression, Name, Number
from harness.scenario.limits import DIGITS_MOST, NUMBER_MOST, TERMS_MOST
from harness.scenario.scenario_error import ScenarioError, SourcePlace
from harness.scenario.tokens import Token, TokenKind

_SHOWN: Final = 40
"""Characters of a token in a message."""


class TokenStream:
    """A cursor over tokens; every refusal is a ScenarioError at the token refused."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._terms = 0

    @property
    def where(self) -> SourcePlace:
        """Place of the next token."""
        return self.peek().where

    def peek(self, ahead: int = 0) -> Token:
        """The token that comes *ahead* tokens after the next; END repeats."""
        return self._tokens[min(self._next + ahead, len(self._tokens) - 1)]

    def at(self, *texts: str) -> bool:
        """Tell whether the next token is one of these symbols or names."""
        return self.peek().text in texts and self.peek().kind is not TokenKind.TITLE

    def take(self) -> Token:
        """The next token, which is consumed."""
        token = self.peek()
        self._next += 1
        return token

    def accept(self, text: str) -> bool:
        """Consume *text* if it comes next."""
        found = self.at(text)
        self._next += found
        return found

    def expect(self, text: str, hint: str = "") -> Token:
        """Consume *text*, which must come next."""
        if not self.at(text):
            self.refuse(f"expected {text!r}", hint)
        return self.take()

    def name(self, what: str) -> Token:
        """A name, called *what* in the message when there is none."""
        if self.peek().kind is not TokenKind.NAME:
            self.refuse(f"expected {what}")
        return self.take()

    def refuse(self, problem: str, hint: str = "") -> NoReturn:
        """Give up at the next token."""
        text = str(self.peek())
        shown = text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
        raise ScenarioError(self.where, problem, offending=shown, hint=hint)

    def skip_newlines(self, *also: str) -> None:
        """Pass empty lines, and the symbols in *also*."""
        while self.peek().kind is TokenKind.NEWLINE or self.at(*also):
            self._next += 1

    def end_line(self) -> None:
        """The line must end here."""
        if self.peek().kind is TokenKind.END:
            return
        if self.peek().kind is not TokenKind.NEWLINE:
            self.refuse("expected the end of the line")
        self._next += 1

    def expression(self) -> Expression:
        """``term (+|- term)*``."""
        self._terms = 0
        return self._sum()

    def _sum(self) -> Expression:
        left = self._product()
        while self.at("+", "-"):
            operator = self.take()
            left = Binary(operator.text, left, self._product(), operator.where)
        return left

    def signed(self) -> Expression:
        """An expression that begins with a sign."""
        self._terms = 0
        operator = self.take()
        left: Expression = Binary(operator.text, Number(0), self._product(), operator.where)
        while self.at("+", "-"):
            operator = self.take()
            left = Binary(operator.text, left, self._product(), operator.where)
        return left

    def _product(self) -> Expression:
        left = self._atom()
        while self.at("*", "/", "%"):
            operator = self.take()
            left = Binary(operator.text, left, self._atom(), operator.where)
        return left

    def _atom(self) -> Expression:
        token = self.peek()
        self._terms += 1
        if self._terms > TERMS_MOST:
            self.refuse(
                f"an expression of more than {TERMS_MOST} numbers, signs and parentheses",
                "write a shorter one",
            )
        if token.kind is TokenKind.NUMBER:
            return Number(self.number())
        if token.kind is TokenKind.NAME:
            return Name(self.take().text, token.where)
        if self.accept("-"):
            return Binary("-", Number(0), self._atom(), token.where)
        if self.accept("("):
            inside = self._sum()
            self.expect(")")
            return inside
        return self.refuse("expected a number, a name or '('")

    def number(self) -> int:
        """The value of the literal that comes next, which has 32 bits at most."""
        text = self.peek().text
        decimal = text[:2] not in ("0x", "0X")
        if decimal and len(text) > 1 and text.startswith("0"):
            self.refuse("a number that begins with 0", "leave out the 0, or write 0x for base 16")
        digits = text if decimal else text[2:].lstrip("0") or "0"
        value = int(digits, 10 if decimal else 16) if len(digits) <= DIGITS_MOST else None
        if value is None or value > NUMBER_MOST:
            self.refuse("a number beyond 32 bits", f"the highest number is {NUMBER_MOST}")
        self.take()
        return value
