"""Operations and programs back to text that parses to the same."""

from collections.abc import Iterator, Sequence
from typing import Final

from harness.model.records.helper import HELPERS, HelperField, helper_call, operation_word
from harness.model.records.interrupt import InterruptContext, Trigger, armed_of
from harness.model.records.layout import ADDRESS_MASK
from harness.model.records.operation import (
    NO_PAGE,
    OPENS_CONTEXT,
    OPERATIONS,
    Base,
    Operand,
    Operation,
    OperationFlag,
)
from harness.model.records.page import PageKind
from harness.model.records.workload import WORKLOADS
from harness.scenario.operand_parser import STATUS_WORDS
from harness.scenario.program import UNBOUND, Assertion, Program
from harness.scenario.vocabulary import (
    LETTER_OF_KIND,
    PAGE_KIND_NAMES,
    PROT_NAMES,
)

_NUMBERED: Final = (
    Operand.VALUE,
    Operand.TASK,
    Operand.TASK_CPU,
    Operand.PAGE_TYPE,
    Operand.PAGE_OFFSET,
    Operand.ADDRESS_TYPE,
)


def page_name(page: int, pools: tuple[tuple[PageKind, int], ...]) -> str:
    """Name of page *page* in a scenario: ``h3``; ``none`` for NO_PAGE."""
    first = 0
    for kind, count in pools:
        if first <= page < first + count:
            return f"{LETTER_OF_KIND[kind]}{page - first}"
        first += count
    return "none" if page == NO_PAGE else f"page{page}"


def operation_text(operation: Operation, pools: tuple[tuple[PageKind, int], ...] = ()) -> str:
    """*operation* as a scenario has it, without its task."""
    kind = OPERATIONS[operation.code]
    parts = [f"m{operation.reg} ="] if OperationFlag.MAPS in kind.flags else []
    return " ".join(
        (*parts, operation_word(operation), *_operands(operation, kind.operand, pools))
    )


def _operands(
    operation: Operation, operand: Operand, pools: tuple[tuple[PageKind, int], ...]
) -> Iterator[str]:
    if operand in (Operand.PAGE, Operand.PAGE_PROT, Operand.PAGE_TYPE, Operand.PAGE_OFFSET):
        yield page_name(operation.page, pools)
    if operand is Operand.PAGE_PROT:
        yield PROT_NAMES[operation.prot]
    if operand in (
        Operand.ADDRESS,
        Operand.ADDRESS_VALUE,
        Operand.ADDRESS_TYPE,
        Operand.ADDRESS_PTE,
    ):
        yield _address(operation, pools)
    if operand is Operand.ADDRESS_VALUE:
        yield hex(operation.value)
    if operand is Operand.ADDRESS_PTE:
        yield page_name(operation.page, pools)
        if operation.page != NO_PAGE:
            yield PROT_NAMES[operation.prot]
    if operand in _NUMBERED:
        yield str(operation.value)
    yield from _contextual(operation, operand, pools)


def _contextual(
    operation: Operation, operand: Operand, pools: tuple[tuple[PageKind, int], ...]
) -> Iterator[str]:
    """Operands of what is done about contexts."""
    if operand is Operand.CPU_STATE:
        yield f"{operation.value & 0xFF} {'online' if operation.value >> 8 else 'offline'}"
    if operand is Operand.INSTANT:
        yield from _instant(operation, pools)
    if operand is Operand.WORKLOAD:
        yield f"{WORKLOADS[operation.reg].word} {operation.value}"
    if operand is Operand.HELPER:
        yield from _helper(operation, pools)
    if operand is Operand.BLOCK:
        yield f"{{ {operation.value} operations }}"


def _helper(operation: Operation, pools: tuple[tuple[PageKind, int], ...]) -> Iterator[str]:
    call = helper_call(operation)
    if call.number not in HELPERS:
        return
    numbers = {
        HelperField.FIRST: call.first,
        HelperField.LENGTH: call.length,
        HelperField.SECOND: call.second,
        HelperField.END: call.other,
        HelperField.BYTE: call.byte,
    }
    pages = {HelperField.PAGE: call.page, HelperField.OTHER: call.other}
    for field in call.kind.operands:
        yield str(numbers[field]) if field in numbers else page_name(pages[field], pools)


def _instant(operation: Operation, pools: tuple[tuple[PageKind, int], ...]) -> Iterator[str]:
    wanted = armed_of(operation.page, operation.reg, operation.value)
    trigger, where = (
        Trigger(wanted.trigger).name.lower(),
        InterruptContext(wanted.where).name.lower(),
    )
    yield f"{trigger}+{operation.offset} {where} {page_name(wanted.page, pools)} {wanted.levels}"
    if wanted.skip:
        yield f"skip {wanted.skip}"


def _address(operation: Operation, pools: tuple[tuple[PageKind, int], ...]) -> str:
    offset = operation.offset
    tail = f"+{offset:#x}" if offset > 0 else f"-{-offset:#x}" if offset < 0 else ""
    match operation.base:
        case Base.REG:
            return f"m{operation.reg}{tail}"
        case Base.FIXMAP:
            return f"fixmap({operation.reg}){tail}"
        case Base.PKMAP:
            return f"pkmap({operation.reg}){tail}"
        case Base.DIRECT:
            return f"direct({page_name(operation.page, pools)}){tail}"
        case Base.ABSOLUTE:
            return f"absolute({offset & ADDRESS_MASK:#x})"


def program_text(program: Program) -> str:
    """A whole ``.kmap`` file that lowers to the operations and assertions of *program* again."""
    return "\n".join((*_header(program), "", *_body(program))) + "\n"


def _header(program: Program) -> Iterator[str]:
    yield f"title: {program.title or program.name}"
    if program.throwaway:
        yield "requires: throwaway"
    cpus = ("any" if cpu == UNBOUND else str(cpu) for cpu in program.tasks)
    names = (program.task_name(task) for task in range(len(program.tasks)))
    yield "tasks: " + " ".join(f"{name}@{cpu}" for name, cpu in zip(names, cpus, strict=True))
    if program.pools:
        yield "pages: " + ", ".join(
            f"{PAGE_KIND_NAMES[kind]} {count}" for kind, count in program.pools
        )


def _body(program: Program) -> Iterator[str]:
    end, closing = -1, ""
    wanted: dict[int, list[Assertion]] = {}
    for one in program.assertions:
        wanted.setdefault(one.step, []).append(one)
    for step, operation in enumerate(program.operations):
        text = operation_text(operation, program.pools)
        indent = "    " if step <= end else f"{program.task_name(operation.task)}: "
        expected = _expected(wanted.get(step, ()))
        if operation.code in OPENS_CONTEXT:
            closing, expected = expected, ""
            end = step + operation.value
            text = f"{OPERATIONS[operation.code].word} {{"
        yield indent + text + expected
        if step == end:
            yield "}" + closing


def _expected(assertions: Sequence[Assertion]) -> str:
    """The expectations of a step, as a scenario has them."""
    return f" -> {', '.join(map(_assertion_text, assertions))}" if assertions else ""


def _assertion_text(one: Assertion) -> str:
    if one.field == "status":
        return next(word for word, status in STATUS_WORDS.items() if status == one.value)
    if one.field == "pte":
        return f"pte {'present' if one.value else 'none'}"
    if one.relative:
        return f"{one.field} start{one.value:+}"
    return f"{one.field} {one.value}"
