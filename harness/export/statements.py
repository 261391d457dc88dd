"""One operation of a scenario as C, and as words for the messages of a test."""

from collections.abc import Iterator
from typing import Final

from harness.export.c_expressions import (
    PROTECTIONS,
    address_words,
    c_address,
    c_expression,
    c_page,
    page_words,
    register_words,
    words,
)
from harness.model.records.helper import HELPERS, HelperField
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operand
from harness.scenario.syntax import Expectation, OpStatement, PageRef
from harness.scenario.vocabulary import PROT_NAMES

WIDTH: Final = 99
TAB: Final = 8

STATE_FIELDS: Final = ("depth", "preempt", "pagefault", "cpu", "window")
"""Expectations that a test reads from the task itself; the others need probes or statics."""

_MEMBERS: Final = {
    HelperField.PAGE: "page",
    HelperField.OTHER: "other",
    HelperField.FIRST: "first",
    HelperField.SECOND: "second",
    HelperField.LENGTH: "length",
    HelperField.END: "end",
    HelperField.BYTE: "byte",
}
_EXPECTED_MEMBER: Final = {Status.FAULT: ".faults = true", Status.BLOCKED: ".blocks = true"}


def word_of(statement: OpStatement) -> str:
    """The word of *statement*: its operation's, or that of the helper which it calls."""
    if statement.kind.operand is Operand.HELPER:
        return HELPERS[statement.word].word
    return statement.kind.word


def statement_words(statement: OpStatement) -> str:
    """*statement* as a scenario has it, without what is expected of it."""
    parts = [] if statement.register is None else [f"{register_words(statement.register)} ="]
    return " ".join((*parts, word_of(statement), *_operand_words(statement)))


def _operand_words(statement: OpStatement) -> Iterator[str]:
    operand = statement.kind.operand
    if statement.page is not None:
        yield page_words(statement.page)
    if statement.address is not None:
        yield address_words(statement.address)
    if operand is Operand.PAGE_PROT:
        yield PROT_NAMES[statement.prot]
    if operand in (Operand.ADDRESS_VALUE, Operand.VALUE, Operand.PAGE_OFFSET):
        yield words(statement.value)
    for one in statement.arguments:
        yield page_words(one) if isinstance(one, PageRef) else words(one)


def do_lines(statement: OpStatement, task: str, depth: int, block: str = "") -> list[str]:
    """The C that lets *task* do *statement*, *depth* tabs deep; *block*: its function."""
    said = f"{_c_task_words(task)}: {statement_words(statement)}"
    parts = [task, f'"{said}"', word_of(statement), *_members(statement)]
    return call("DO", [*parts, f".block = {block}"] if block else parts, depth)


def _c_task_words(task: str) -> str:
    """A task as messages name it."""
    return task.lstrip("&")


def _members(statement: OpStatement) -> Iterator[str]:
    if statement.register is not None:
        yield f".reg = {c_expression(statement.register)}"
    if statement.page is not None:
        yield f".page = {c_page(statement.page)}"
    if statement.address is not None:
        yield from c_address(statement.address)
    if statement.kind.operand is Operand.PAGE_PROT:
        yield f".prot = {PROTECTIONS[statement.prot]}"
    if statement.kind.operand in (Operand.ADDRESS_VALUE, Operand.VALUE):
        yield f".value = {c_expression(statement.value)}"
    if statement.kind.operand is Operand.PAGE_OFFSET:
        yield f".first = {c_expression(statement.value)}"
    if statement.kind.operand is Operand.HELPER:
        yield from _arguments(statement)
    for one in statement.expectations:
        if one.field == "status" and status_of(one) in _EXPECTED_MEMBER:
            yield _EXPECTED_MEMBER[status_of(one)]


def _arguments(statement: OpStatement) -> Iterator[str]:
    fields = HELPERS[statement.word].operands
    for field, one in zip(fields, statement.arguments, strict=True):
        text = c_page(one) if isinstance(one, PageRef) else c_expression(one)
        yield f".{_MEMBERS[field]} = {text}"


def status_of(expectation: Expectation) -> Status:
    """The status that a ``status`` expectation names."""
    return Status(int(c_expression(expectation.value), 0))


def want_lines(statement: OpStatement, task: str, depth: int) -> Iterator[str]:
    """The C that compares what *statement* did with what its author expects."""
    said = f'"{_c_task_words(task)}: {statement_words(statement)}"'
    for one in statement.expectations:
        if can_say(statement, one) and one.field != "status":
            field = "present" if one.field == "pte" else one.field
            yield from call("WANT", [task, said, field, c_expression(one.value)], depth)


def can_say(statement: OpStatement, expectation: Expectation) -> bool:
    """Tell whether a test can see what *expectation* is about."""
    if expectation.field == "value":
        return statement.kind.code is OpCode.READ
    return expectation.field in ("status", "pte", *STATE_FIELDS)


def call(function: str, arguments: list[str], depth: int) -> list[str]:
    """``function(arguments);``, folded where it is too long for a line of kernel code."""
    indent = "\t" * depth
    start = f"{indent}{function}("
    column = depth * TAB + len(function) + 1
    below = "\t" * (column // TAB) + " " * (column % TAB)
    lines, line, at = [], start, column
    for number, one in enumerate(arguments):
        text = one + (");" if number == len(arguments) - 1 else ",")
        if at > column and at + 1 + len(text) > WIDTH:
            lines.append(line)
            line, at = below + text, column + len(text)
        else:
            glue = " " if at > column else ""
            line, at = line + glue + text, at + len(glue) + len(text)
    return [*lines, line]
