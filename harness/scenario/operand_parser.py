"""Parsing of operands: pages, registers, addresses, protections, expectations."""

import re
from typing import Final

from harness.model.records.observation import Status
from harness.model.records.operation import Base, Prot
from harness.scenario.expression import Expression, Number
from harness.scenario.limits import DIGITS_MOST, NUMBER_MOST
from harness.scenario.scenario_error import ScenarioError, SourcePlace
from harness.scenario.syntax import Address, Expectation, PageRef
from harness.scenario.token_stream import TokenStream
from harness.scenario.tokens import TokenKind
from harness.scenario.vocabulary import PAGE_LETTERS, PROTS

STATUS_WORDS: Final = {
    "ok": Status.OK,
    "blocked": Status.BLOCKED,
    "fault": Status.FAULT,
    "died": Status.DIED,
    "bug": Status.BUG,
}
NUMBER_FIELDS: Final = (
    "value",
    "slot",
    "window",
    "typed",
    "count",
    "cursor",
    "waiters",
    "depth",
    "preempt",
    "pagefault",
    "migrate",
    "flush_scans",
    "flush_ranges",
    "flush_cpus",
    "invlpgs",
    "wakes",
    "warns",
    "cpu",
)
ASSERTED_FIELDS: Final = ("status", "pte", *NUMBER_FIELDS)
"""The fields that an assertion of a program may name."""

_INDEXED: Final = re.compile(r"([a-z])([0-9]*)$")
_REGISTER: Final = "m"


def page(stream: TokenStream) -> PageRef:
    """``h0``, ``l1``, ``c[i]``, ``x0``."""
    where = stream.where
    found = _INDEXED.match(stream.peek().text)
    if not found or found[1] not in PAGE_LETTERS:
        stream.refuse(
            "expected a page",
            "pages are h0 (high), l0 (low), c0 (colliding), x0 (above4g), f0 (folio), or h[i]",
        )
    stream.take()
    return PageRef(PAGE_LETTERS[found[1]], _index(stream, found[2], where), where)


def is_register(stream: TokenStream) -> bool:
    """Tell whether a register comes next."""
    found = _INDEXED.match(stream.peek().text)
    return bool(found) and found is not None and found[1] == _REGISTER


def register(stream: TokenStream) -> Expression:
    """``m0`` or ``m[i]``: its number."""
    found = _INDEXED.match(stream.peek().text)
    if not found or found[1] != _REGISTER:
        stream.refuse(
            "expected a register", "registers hold addresses and are m0, m1, ... or m[i]"
        )
    where = stream.take().where
    return _index(stream, found[2], where)


def _index(stream: TokenStream, digits: str, where: SourcePlace) -> Expression:
    if len(digits) > DIGITS_MOST:
        raise ScenarioError(
            where, "a number beyond 32 bits", hint=f"the highest number is {NUMBER_MOST}"
        )
    if digits:
        return Number(int(digits))
    stream.expect("[", "a number belongs here, like h0 or h[i]")
    index = stream.expression()
    stream.expect("]")
    return index


def address(stream: TokenStream) -> Address:
    """``m0+8``, ``fixmap(i)-4096``, ``pkmap(3)+12``, ``direct(l0)``, ``absolute(0xc0000000)``."""
    if is_register(stream):
        return Address(Base.REG, index=register(stream), offset=_offset(stream))
    if stream.accept("direct"):
        stream.expect("(")
        lowmem = page(stream)
        stream.expect(")")
        return Address(Base.DIRECT, page=lowmem, offset=_offset(stream))
    return _numbered(stream)


def _numbered(stream: TokenStream) -> Address:
    bases = {"fixmap": Base.FIXMAP, "pkmap": Base.PKMAP, "absolute": Base.ABSOLUTE}
    if not stream.at(*bases):
        stream.refuse(
            "expected an address",
            "write m0, fixmap(i), pkmap(slot), direct(l0) or absolute(0x...)",
        )
    base = bases[stream.take().text]
    stream.expect("(")
    number = stream.expression()
    stream.expect(")")
    if base is Base.ABSOLUTE:
        return Address(base, offset=number)
    return Address(base, index=number, offset=_offset(stream))


def _offset(stream: TokenStream) -> Expression:
    """``+ term`` or ``- term``, or nothing."""
    return stream.signed() if stream.at("+", "-") else Number(0)


def protection(stream: TokenStream, *, optional: bool = False) -> Prot:
    """One of the words of PROTS; with *optional* nothing means rw."""
    if stream.at(*PROTS):
        return PROTS[stream.take().text]
    if not optional:
        stream.refuse("expected a protection", f"one of {', '.join(PROTS)}")
    return Prot.KERNEL


def expectations(stream: TokenStream) -> tuple[Expectation, ...]:
    """``-> blocked, waiters 1``, or nothing."""
    if not stream.accept("->"):
        return ()
    found = [_expectation(stream)]
    while stream.accept(","):
        found.append(_expectation(stream))
    return tuple(found)


def _expectation(stream: TokenStream) -> Expectation:
    where = stream.where
    if stream.at(*STATUS_WORDS):
        return Expectation(
            "status", Number(STATUS_WORDS[stream.take().text]), relative=False, where=where
        )
    if stream.accept("pte"):
        if not stream.at("none", "present"):
            stream.refuse("expected 'none' or 'present'")
        return Expectation(
            "pte", Number(int(stream.take().text == "present")), relative=False, where=where
        )
    return _number_expectation(stream, where)


def _number_expectation(stream: TokenStream, where: SourcePlace) -> Expectation:
    if not stream.at(*NUMBER_FIELDS):
        known = ", ".join((*STATUS_WORDS, "pte", *NUMBER_FIELDS))
        stream.refuse("expected what should be seen", f"one of {known}")
    field = stream.take().text
    relative = field in ("slot", "cursor") and stream.accept("start")
    if not relative:
        return Expectation(field, stream.expression(), relative=False, where=where)
    value = stream.signed() if stream.at("+", "-") else Number(0)
    return Expectation(field, value, relative=True, where=where)


def at_line_end(stream: TokenStream) -> bool:
    """Tell whether nothing more stands in this statement."""
    return stream.peek().kind in (TokenKind.NEWLINE, TokenKind.END) or stream.at(";", "}", "->")
