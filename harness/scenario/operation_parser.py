"""Parses one operation of a task: its word, its operands, and what its author expects."""

import dataclasses
import difflib
from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from harness.model.records.helper import HELPER_OF_WORD, HELPERS, HelperField
from harness.model.records.operation import Base, Operand, OperationFlag, OperationKind
from harness.model.records.workload import WORKLOAD_OF_WORD
from harness.scenario import operand_parser
from harness.scenario.expression import ZERO
from harness.scenario.scenario_error import ScenarioError, SourcePlace
from harness.scenario.syntax import Address, OpStatement, Statement, TaskRef
from harness.scenario.token_stream import TokenStream
from harness.scenario.tokens import TokenKind
from harness.scenario.vocabulary import CONTEXTS, KIND_OF_WORD, TRIGGERS

Block: TypeAlias = Callable[[], tuple[Statement, ...]]
"""Parses the statements between braces."""


_CPU_STATES: Final = {"offline": 0, "online": 1}


def operation_statement(stream: TokenStream, block: Block) -> OpStatement:
    """The operation that comes next; *block* parses the operations of an interrupt.

    Raises ScenarioError.
    """
    where = stream.where
    register = None
    if operand_parser.is_register(stream):
        register = operand_parser.register(stream)
        stream.expect("=", "a register is set by 'm0 = kmap h0'")
    kind = KIND_OF_WORD.get(stream.peek().text)
    if kind is None:
        stream.refuse("unknown operation", _suggest(stream.peek().text))
    helper = HELPER_OF_WORD.get(stream.take().text)
    _check_register(kind, where, given=register is not None)
    bare = OpStatement(kind, where, register=register, word=helper.number if helper else 0)
    statement = _operands(bare, stream, block)
    return _replace(statement, expectations=operand_parser.expectations(stream))


def _check_register(kind: OperationKind, where: SourcePlace, *, given: bool) -> None:
    maps = OperationFlag.MAPS in kind.flags
    if maps == given:
        return
    must, remedy = (
        ("must", "write 'm0 = {} ...'") if maps else ("must not", "write '{} ...' alone")
    )
    raise ScenarioError(where, f"{kind.word} {must} set a register", hint=remedy.format(kind.word))


def _operands(bare: OpStatement, stream: TokenStream, block: Block) -> OpStatement:
    operand = bare.kind.operand
    if operand is Operand.BLOCK:
        return _replace(bare, body=block())
    reader = _READERS.get(operand)
    return reader(bare, stream) if reader else _simple_operands(bare, stream)


def _simple_operands(bare: OpStatement, stream: TokenStream) -> OpStatement:
    """A page or an address, then a protection or a number."""
    operand = bare.kind.operand
    if operand in _WITH_PAGE:
        bare = _replace(bare, page=operand_parser.page(stream))
    if operand in _WITH_ADDRESS:
        bare = _replace(bare, address=operand_parser.address(stream))
    if operand is Operand.PAGE_PROT:
        bare = _replace(bare, prot=operand_parser.protection(stream))
    if operand in _WITH_NUMBER:
        bare = _replace(bare, value=stream.expression())
    return bare


def _task(bare: OpStatement, stream: TokenStream) -> OpStatement:
    """Another task, by its name, or by its number as reproducers have it."""
    if stream.peek().kind is TokenKind.NUMBER:
        return _replace(bare, value=stream.expression())
    where = stream.where
    name = stream.name("a task like 'b' or 'w[1]'").text
    index = None
    if stream.accept("["):
        index = stream.expression()
        stream.expect("]")
    return _replace(bare, target=TaskRef(name, index, where))


def _task_and_cpu(bare: OpStatement, stream: TokenStream) -> OpStatement:
    """A task and the CPU that it is sent to: ``b 1``; reproducers have one number for both."""
    if stream.peek().kind is TokenKind.NUMBER:
        return _replace(bare, value=stream.expression())
    bare = _task(bare, stream)
    return _replace(bare, value=stream.expression())


def _cpu_state(bare: OpStatement, stream: TokenStream) -> OpStatement:
    """``1 offline``, ``1 online``."""
    number = stream.expression()
    state = _word(stream, _CPU_STATES, "'offline' or 'online'")
    return _replace(bare, value=number, word=_CPU_STATES[state])


def _instant(bare: OpStatement, stream: TokenStream) -> OpStatement:
    """``timer+3000 hardirq h5 2``, ``unmap+23 task h5 1 skip 1``.

    Trigger and offset, context, page, nesting, and how often the instant passes before.
    """
    trigger = TRIGGERS[_word(stream, TRIGGERS, "what brings the interrupt about")]
    offset = stream.signed() if stream.at("+") else ZERO
    context = CONTEXTS[_word(stream, CONTEXTS, "a context")]
    page, levels = operand_parser.page(stream), stream.expression()
    skip = stream.expression() if stream.accept("skip") else ZERO
    return _replace(
        bare,
        word=context | trigger << 4,
        page=page,
        address=Address(Base.REG, offset=offset),
        value=levels,
        skip=skip,
    )


def _helper(bare: OpStatement, stream: TokenStream) -> OpStatement:
    """What the helper's function takes, in its order: ``h0 16 h1 0 100``."""
    return _replace(
        bare,
        arguments=tuple(
            operand_parser.page(stream) if field in _PAGES else stream.expression()
            for field in HELPERS[bare.word].operands
        ),
    )


def _workload(bare: OpStatement, stream: TokenStream) -> OpStatement:
    """``cow 17``: a kind of workload, and the seed of what its processes write."""
    kind = WORKLOAD_OF_WORD[_word(stream, WORKLOAD_OF_WORD, "a kind of workload")]
    return _replace(bare, word=kind.number, value=stream.expression())


def _address_and_pte(bare: OpStatement, stream: TokenStream) -> OpStatement:
    """``m0 none``, ``m0 h3``, ``m0 h3 ro``."""
    address = operand_parser.address(stream)
    if stream.accept("none"):
        return _replace(bare, address=address)
    page = operand_parser.page(stream)
    prot = operand_parser.protection(stream, optional=True)
    return _replace(bare, address=address, page=page, prot=prot)


_READERS: Final[Mapping[Operand, Callable[[OpStatement, TokenStream], OpStatement]]] = {
    Operand.ADDRESS_PTE: _address_and_pte,
    Operand.TASK: _task,
    Operand.TASK_CPU: _task_and_cpu,
    Operand.CPU_STATE: _cpu_state,
    Operand.INSTANT: _instant,
    Operand.HELPER: _helper,
    Operand.WORKLOAD: _workload,
}
_PAGES: Final = (HelperField.PAGE, HelperField.OTHER)
_WITH_PAGE: Final = (Operand.PAGE, Operand.PAGE_PROT, Operand.PAGE_TYPE, Operand.PAGE_OFFSET)
_WITH_ADDRESS: Final = (Operand.ADDRESS, Operand.ADDRESS_VALUE, Operand.ADDRESS_TYPE)
_WITH_NUMBER: Final = (
    Operand.VALUE,
    Operand.ADDRESS_VALUE,
    Operand.PAGE_TYPE,
    Operand.PAGE_OFFSET,
    Operand.ADDRESS_TYPE,
)


def _word(stream: TokenStream, known: Mapping[str, object], what: str) -> str:
    if not stream.at(*known):
        stream.refuse(f"expected {what}", f"one of {', '.join(known)}")
    return stream.take().text


def _replace(statement: OpStatement, **changes: object) -> OpStatement:
    return dataclasses.replace(statement, **changes)  # type: ignore[arg-type] # fields by name


def _suggest(name: str) -> str:
    close = difflib.get_close_matches(name, KIND_OF_WORD, n=3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"operations are {', '.join(KIND_OF_WORD)}"
