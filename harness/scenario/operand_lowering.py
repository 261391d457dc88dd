"""Lowers the operands of one operation: names and expressions become the numbers of a guest."""

from collections.abc import Mapping, Sequence

from harness.model.records.helper import (
    HELPER_OFFSET_MOST,
    HELPERS,
    HelperCall,
    HelperField,
    helper_operation,
)
from harness.model.records.interrupt import LEVELS_MOST
from harness.model.records.operation import NO_PAGE, Base, Operand, Operation
from harness.model.records.page import PageKind
from harness.scenario.expression import Expression, evaluate
from harness.scenario.limits import NUMBER_MOST, REGISTERS_MOST, signed_word, within, word
from harness.scenario.scenario_error import ScenarioError, SourcePlace
from harness.scenario.syntax import Address, OpStatement, PageRef, TaskRef
from harness.scenario.vocabulary import LETTER_OF_KIND, PAGE_KIND_NAMES

Names = Mapping[str, int]
"""Numbers of the guest and loop variables."""

_BYTE = 0xFF
_INDEX_MOST = 0xFFFF
_OFFSET_MOST = (1 << 31) - 1


class OperandLowering:
    """Lowers operands against the tasks and pages that a scenario has declared."""

    def __init__(self, tasks: Mapping[str, int], pools: Sequence[tuple[PageKind, int]]) -> None:
        self._tasks = tasks
        self._pools = pools

    def operation(self, statement: OpStatement, task: int, names: Names) -> Operation:
        """The operation of *statement*.  Raises ScenarioError."""
        if statement.kind.operand is Operand.HELPER:
            return self._helper(statement, task, names)
        page = NO_PAGE if statement.page is None else self._page(statement.page, names)
        operation = Operation(
            statement.kind.code,
            task=task,
            page=page,
            prot=statement.prot,
            value=self._value(statement, names),
        )
        if statement.register is not None:
            register = self._register(statement.register, statement.where, names)
            operation = operation._replace(reg=register)
        if statement.kind.operand is Operand.WORKLOAD:
            return operation._replace(reg=statement.word)
        if statement.address is None:
            return operation
        if statement.kind.operand is Operand.INSTANT:
            offset = evaluate(statement.address.offset, names)
            offset = within(offset, _OFFSET_MOST, statement.where, "the instant")
            self._require_pages(statement.where, page, operation.value & _BYTE)
            return operation._replace(reg=statement.word, offset=offset)
        return self._address(operation, statement.address, statement.where, names)

    def _helper(self, statement: OpStatement, task: int, names: Names) -> Operation:
        kind = HELPERS[statement.word]
        given = dict.fromkeys(HelperField, 0)
        for field, argument in zip(kind.operands, statement.arguments, strict=True):
            given[field] = self._argument(field, argument, statement.where, names)
        other = given[HelperField.OTHER] or given[HelperField.END]
        call = HelperCall(
            kind.number,
            given[HelperField.PAGE],
            other,
            given[HelperField.FIRST],
            given[HelperField.SECOND],
            given[HelperField.LENGTH],
            given[HelperField.BYTE],
        )
        return helper_operation(call, task)

    def _argument(
        self, field: HelperField, argument: PageRef | Expression, where: SourcePlace, names: Names
    ) -> int:
        if isinstance(argument, PageRef):
            return self._page(argument, names)
        most = _BYTE if field is HelperField.BYTE else HELPER_OFFSET_MOST
        return within(evaluate(argument, names), most, where, field.value)

    def task(self, ref: TaskRef, names: Names) -> int:
        """Number of the task that *ref* names."""
        name = ref.name if ref.index is None else f"{ref.name}{self._task_index(ref, names)}"
        if name not in self._tasks:
            known = ", ".join(self._tasks) or "none"
            raise ScenarioError(
                ref.where,
                "unknown task",
                offending=name,
                hint=f"declared are: {known} ('tasks: a@0 b@1')",
            )
        return self._tasks[name]

    def _task_index(self, ref: TaskRef, names: Names) -> int:
        assert ref.index is not None, "the task has no index"
        return within(evaluate(ref.index, names), _INDEX_MOST, ref.where, "the number of a task")

    def _value(self, statement: OpStatement, names: Names) -> int:
        value, where = evaluate(statement.value, names), statement.where
        if statement.target is not None:
            cpu = within(value, _BYTE, where, "the CPU")
            return self.task(statement.target, names) | cpu << 8
        match statement.kind.operand:
            case Operand.VALUE | Operand.PAGE_OFFSET:
                return within(value, NUMBER_MOST, where, "the number")
            case Operand.CPU_STATE:
                return within(value, _BYTE, where, "the CPU") | statement.word << 8
            case Operand.INSTANT:
                skip = within(evaluate(statement.skip, names), _BYTE, where, "the skip")
                levels = within(value, LEVELS_MOST, where, "the number of pages", least=1)
                return levels | skip << 8
        return word(value, where, "a value")

    def _address(
        self, operation: Operation, address: Address, where: SourcePlace, names: Names
    ) -> Operation:
        offset = signed_word(evaluate(address.offset, names), where, "an offset")
        if address.page is not None:
            return operation._replace(
                base=address.base, page=self._page(address.page, names), offset=offset
            )
        if address.base is Base.REG:
            index = self._register(address.index, where, names)
        else:
            index = within(evaluate(address.index, names), _INDEX_MOST, where, "the index")
        return operation._replace(base=address.base, reg=index, offset=offset)

    def _require_pages(self, where: SourcePlace, first: int, levels: int) -> None:
        """The module refuses an interrupt that would map a page that is not there."""
        there = sum(count for _, count in self._pools)
        if first + levels > there:
            raise ScenarioError(
                where,
                f"the interrupt maps {levels} pages, and {there - first} are there from its first",
                hint="ask for more pages, or let it map fewer",
            )

    def _register(self, expression: Expression, where: SourcePlace, names: Names) -> int:
        number = evaluate(expression, names)
        if not 0 <= number < REGISTERS_MOST:
            hint = f"registers are m0 to m{REGISTERS_MOST - 1}"
            offending = f"m{number}" if abs(number) < 1 << 64 else ""
            raise ScenarioError(where, "no such register", offending=offending, hint=hint)
        return number

    def _page(self, ref: PageRef, names: Names) -> int:
        index = within(evaluate(ref.index, names), _INDEX_MOST, ref.where, "the number of a page")
        first = 0
        for kind, count in self._pools:
            if kind is ref.kind and index < count:
                return first + index
            first += count
        name = f"{LETTER_OF_KIND[ref.kind]}{index}"
        hint = f"'pages: {PAGE_KIND_NAMES[ref.kind]} {index + 1}' would declare it"
        raise ScenarioError(ref.where, "no such page", offending=name, hint=hint)
