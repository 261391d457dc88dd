"""Text to Scenario.  docs/scenarios.md is the reference of the language."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.errors import UsageError
from harness.scenario.limits import BLOCKS_MOST, FILE_MOST
from harness.scenario.operation_parser import operation_statement
from harness.scenario.scenario_error import ScenarioError
from harness.scenario.syntax import (
    AtomicBlock,
    Loop,
    OpStatement,
    PoolDecl,
    Requirement,
    Scenario,
    Statement,
    TaskDecl,
    TaskLine,
    TaskRef,
)
from harness.scenario.token_stream import TokenStream
from harness.scenario.tokens import TokenKind, tokenize
from harness.scenario.vocabulary import PAGE_KINDS

_HEADERS: Final = ("requires", "tasks", "pages")
_RELATIONS: Final = (">=", "<=", "=", "<", ">")


def read_scenario(path: Path) -> Scenario:
    """Parse the file *path*.

    Raises ScenarioError with file, line and column when the text is not a scenario,
    UsageError when the file cannot be read.
    """
    try:
        if path.stat().st_size > FILE_MOST:
            raise UsageError(
                f"{path} is longer than {FILE_MOST >> 20} MiB, and so no scenario",
                hint="name a file in the language of docs/scenarios.md",
            )
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}", hint="scenarios are text files in UTF-8"
        ) from error
    return parse_scenario(text, str(path))


def parse_scenario(text: str, file: str = "<text>") -> Scenario:
    """Parse *text*; *file* is what errors call it."""
    scenario = _Parser(file, TokenStream(tokenize(text, file))).scenario()
    return replace(scenario, text=tuple(text.split("\n")))


class _Parser:
    def __init__(self, file: str, stream: TokenStream) -> None:
        self._file = file
        self._in = stream
        self._title = ""
        self._depth = 0
        self._requires: list[Requirement] = []
        self._tasks: list[TaskDecl] = []
        self._pages: list[PoolDecl] = []

    def scenario(self) -> Scenario:
        body: list[Statement] = []
        self._in.skip_newlines()
        while self._in.peek().kind is not TokenKind.END:
            if not self._header():
                body.append(self._line())
            self._in.end_line()
            self._in.skip_newlines()
        if not body:
            raise ScenarioError(
                self._in.where,
                "the scenario is empty",
                hint="give at least one operation, like 'a: m0 = kmap h0'; "
                "nothing executed is never success",
            )
        return Scenario(
            self._file,
            self._title,
            tuple(self._requires),
            tuple(self._tasks),
            tuple(self._pages),
            tuple(body),
        )

    def _header(self) -> bool:
        if self._in.peek().kind is TokenKind.TITLE:
            self._title = self._in.take().text
            return True
        if not (self._in.at(*_HEADERS) and self._in.peek(1).text == ":"):
            return False
        kind = self._in.take().text
        self._in.expect(":")
        read = {"requires": self._requirement, "tasks": self._task_decl, "pages": self._pool_decl}[
            kind
        ]
        while self._in.peek().kind not in (TokenKind.NEWLINE, TokenKind.END):
            read()
            self._in.accept(",")
        return True

    def _requirement(self) -> None:
        where = self._in.where
        negated = self._in.accept("!")
        name = self._in.name("a fact of the guest").text
        if name == "op":
            relation, value = "=", self._in.name("an operation").text
        elif self._in.at(*_RELATIONS):
            relation, value = self._in.take().text, self._required()
        else:
            relation, value = "", ""
        self._requires.append(Requirement(name, relation, value, negated, where))

    def _required(self) -> str:
        """The right side of a requirement: a number, or a name like that of a generation."""
        token = self._in.peek()
        if token.kind is TokenKind.NUMBER:
            return str(self._in.number())
        return self._in.name("a number or a name").text

    def _task_decl(self) -> None:
        where = self._in.where
        name = self._in.name("a task like a@0").text
        count = None
        if self._in.accept("["):
            count = self._in.expression()
            self._in.expect("]")
        self._in.expect("@", "a task names its CPU, like a@0, or a@any")
        cpu = None if self._in.accept("any") else self._in.expression()
        self._tasks.append(TaskDecl(name, count, cpu, where))

    def _pool_decl(self) -> None:
        where = self._in.where
        if not self._in.at(*PAGE_KINDS):
            self._in.refuse(
                "expected a kind of pages", f"one of {', '.join(PAGE_KINDS)}, with a number"
            )
        kind = PAGE_KINDS[self._in.take().text]
        if any(pool.kind is kind for pool in self._pages):
            raise ScenarioError(
                where, "these pages are asked for twice", hint="give one number for each kind"
            )
        self._pages.append(PoolDecl(kind, self._in.expression(), where))

    def _line(self) -> Statement:
        if self._in.at("for"):
            return self._loop()
        where = self._in.where
        name = self._in.name("a task like 'a:', or 'for'").text
        index = None
        if self._in.accept("["):
            index = self._in.expression()
            self._in.expect("]")
        self._in.expect(":", "a line is 'task: operation'")
        return TaskLine(TaskRef(name, index, where), self._statement())

    def _loop(self, *, within_task: bool = False) -> Loop:
        where = self._in.take().where
        variable = self._in.name("a loop variable").text
        self._in.expect("in")
        first = self._in.expression()
        self._in.expect("..")
        last = self._in.expression()
        down = self._in.accept("down")
        body = self._block(within_task=within_task)
        return Loop(variable, first, last, body, where, down)

    def _block(self, *, within_task: bool) -> tuple[Statement, ...]:
        opened = self._in.expect("{").where
        self._depth += 1
        if self._depth > BLOCKS_MOST:
            raise ScenarioError(
                opened,
                f"more than {BLOCKS_MOST} blocks within each other",
                hint="write fewer loops within each other",
            )
        body: list[Statement] = []
        self._in.skip_newlines(";")
        while not self._in.at("}"):
            if self._in.peek().kind is TokenKind.END:
                raise ScenarioError(opened, "this block is not closed", hint="add '}'")
            body.append(self._statement() if within_task else self._line())
            if not self._in.at("}", ";") and self._in.peek().kind is not TokenKind.NEWLINE:
                self._in.refuse("expected ';', '}' or the end of the line")
            self._in.skip_newlines(";")
        self._in.expect("}")
        self._depth -= 1
        return tuple(body)

    def _statement(self) -> Statement:
        if self._in.at("for"):
            return self._loop(within_task=True)
        if self._in.at("atomic"):
            where = self._in.take().where
            return AtomicBlock(self._block(within_task=True), where)
        return self._operation()

    def _operation(self) -> OpStatement:
        return operation_statement(self._in, lambda: self._block(within_task=True))
