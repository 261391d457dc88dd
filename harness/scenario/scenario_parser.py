"""Text to Scenario.  docs/scenarios.md is the reference of the language."""

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from harness.errors import UsageError
from harness.model.records.operation import Base, Operand, OperationFlag
from harness.scenario import operand_parser
from harness.scenario.expression import ZERO, Binary, Number
from harness.scenario.scenario_error import ScenarioError
from harness.scenario.syntax import (
    Address,
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
from harness.scenario.vocabulary import KIND_OF_WORD, PAGE_KINDS, TRIGGERS, WHERE

_HEADERS: Final = ("requires", "tasks", "pages")
_RELATIONS: Final = (">=", "<=", "=", "<", ">")


def read_scenario(path: Path) -> Scenario:
    """Parse the file *path*.

    Raises ScenarioError with file, line and column when the text is not a scenario,
    UsageError when the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"{path} cannot be read: {error}", hint="scenarios are text files in UTF-8"
        ) from error
    return parse_scenario(text, str(path))


def parse_scenario(text: str, file: str = "<text>") -> Scenario:
    """Parse *text*; *file* is what errors call it."""
    return _Parser(file, TokenStream(tokenize(text, file))).scenario()


class _Parser:
    def __init__(self, file: str, stream: TokenStream) -> None:
        self._file = file
        self._in = stream
        self._title = ""
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
                hint="give at least one operation, like 'a: m0 = kmap h0'; nothing executed is never success",
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
            relation, value = self._in.take().text, self._in.take().text
        else:
            relation, value = "", ""
        self._requires.append(Requirement(name, relation, value, negated, where))

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
        return tuple(body)

    def _statement(self) -> Statement:
        if self._in.at("for"):
            return self._loop(within_task=True)
        if self._in.at("atomic"):
            where = self._in.take().where
            return AtomicBlock(self._block(within_task=True), where)
        return self._operation()

    def _operation(self) -> OpStatement:
        where = self._in.where
        register = None
        if operand_parser.is_register(self._in):
            register = operand_parser.register(self._in)
            self._in.expect("=", "a register is set by 'm0 = kmap h0'")
        name = self._in.peek()
        kind = KIND_OF_WORD.get(name.text)
        if kind is None:
            self._in.refuse("unknown operation", _suggest(name.text))
        self._in.take()
        maps = OperationFlag.MAPS in kind.flags
        if maps != (register is not None):
            remedy = f"write 'm0 = {kind.word} ...'" if maps else f"write '{kind.word} ...' alone"
            raise ScenarioError(
                where,
                f"{kind.word} must{'' if maps else ' not'} set a register",
                hint=remedy,
            )
        statement = self._operands(OpStatement(kind, where, register=register))
        return _replace(statement, expectations=operand_parser.expectations(self._in))

    def _operands(self, bare: OpStatement) -> OpStatement:
        operand = bare.kind.operand
        if operand is Operand.ADDRESS_PTE:
            return self._pte(bare)
        if operand in (Operand.PAGE, Operand.PAGE_PROT, Operand.PAGE_TYPE):
            bare = _replace(bare, page=operand_parser.page(self._in))
        if operand is Operand.PAGE_PROT:
            bare = _replace(bare, prot=operand_parser.protection(self._in))
        if operand in (Operand.ADDRESS, Operand.ADDRESS_VALUE, Operand.ADDRESS_TYPE):
            bare = _replace(bare, address=operand_parser.address(self._in))
        if operand in (
            Operand.VALUE,
            Operand.ADDRESS_VALUE,
            Operand.PAGE_TYPE,
            Operand.ADDRESS_TYPE,
        ):
            bare = _replace(bare, value=self._in.expression())
        if operand is Operand.TASK:
            return self._target(bare)
        if operand is Operand.TASK_CPU:
            return self._sent(bare)
        if operand is Operand.CPU_STATE:
            return self._cpu(bare)
        if operand is Operand.INSTANT:
            return self._instant(bare)
        return (
            _replace(bare, body=self._block(within_task=True))
            if operand is Operand.BLOCK
            else bare
        )

    def _sent(self, bare: OpStatement) -> OpStatement:
        """A task and the CPU it is sent to: ``b 1``; reproducers have one number for both."""
        if self._in.peek().kind is TokenKind.NUMBER:
            return _replace(bare, value=self._in.expression())
        bare = self._target(bare)
        return _replace(bare, value=self._in.expression())

    def _cpu(self, bare: OpStatement) -> OpStatement:
        """``1 offline``, ``1 online``: bit 8 says which."""
        number, where = self._in.expression(), self._in.where
        online = 256 * (
            self._word({"offline": 0, "online": 1}, "'offline' or 'online'") == "online"
        )
        return _replace(bare, value=Binary("+", number, Number(online), where))

    def _instant(self, bare: OpStatement) -> OpStatement:
        """``timer+3000 hardirq h5 2``, ``unmap+23 task h5 1 skip 1``: trigger, context, pages, operations before."""
        trigger = TRIGGERS[self._word(TRIGGERS, "what brings the interrupt about")]
        offset = self._in.signed() if self._in.at("+") else ZERO
        where = WHERE[self._word(WHERE, "a context")]
        page, levels = operand_parser.page(self._in), self._in.expression()
        skip = self._in.expression() if self._in.accept("skip") else ZERO
        address = Address(Base.REG, offset=offset)
        value = Binary("+", levels, Binary("*", skip, Number(256), page.where), page.where)
        return _replace(
            bare, instant=where | trigger << 4, page=page, address=address, value=value
        )

    def _word(self, known: Mapping[str, object], what: str) -> str:
        if not self._in.at(*known):
            self._in.refuse(f"expected {what}", f"one of {', '.join(known)}")
        return self._in.take().text

    def _target(self, bare: OpStatement) -> OpStatement:
        """Another task, by its name, or by its number as reproducers have it."""
        if self._in.peek().kind is TokenKind.NUMBER:
            return _replace(bare, value=self._in.expression())
        where = self._in.where
        name = self._in.name("a task like 'b' or 'w[1]'").text
        index = None
        if self._in.accept("["):
            index = self._in.expression()
            self._in.expect("]")
        return _replace(bare, target=TaskRef(name, index, where))

    def _pte(self, bare: OpStatement) -> OpStatement:
        address = operand_parser.address(self._in)
        if self._in.accept("none"):
            return _replace(bare, address=address)
        page = operand_parser.page(self._in)
        return _replace(
            bare,
            address=address,
            page=page,
            prot=operand_parser.protection(self._in, optional=True),
        )


def _replace(statement: OpStatement, **changes: object) -> OpStatement:
    return dataclasses.replace(statement, **changes)  # type: ignore[arg-type] # keywords are fields of the statement


def _suggest(name: str) -> str:
    close = difflib.get_close_matches(name, KIND_OF_WORD, n=3)
    return (
        f"did you mean {' or '.join(close)}?"
        if close
        else f"operations are {', '.join(KIND_OF_WORD)}"
    )
