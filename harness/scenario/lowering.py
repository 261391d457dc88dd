"""Lowers a scenario for one guest: fills in numbers, unrolls loops, resolves names, checks."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Final

from harness.model.records.operation import (
    NO_PAGE,
    OPENS_CONTEXT,
    OPERATIONS,
    Base,
    Operand,
    Operation,
)
from harness.model.records.page import PageKind
from harness.scenario.expression import Expression, evaluate
from harness.scenario.facts import Facts, numbers, unmet
from harness.scenario.program import UNBOUND, Assertion, NotApplicable, Program
from harness.scenario.program_rules import check_rules
from harness.scenario.scenario_error import ScenarioError, SourcePlace
from harness.scenario.syntax import (
    Address,
    AtomicBlock,
    Loop,
    OpStatement,
    PageRef,
    Scenario,
    Statement,
    TaskLine,
    TaskRef,
)
from harness.scenario.vocabulary import LETTER_OF_KIND, PAGE_KIND_NAMES

MAX_TASKS: Final = 64  # KMH_MAX_TASKS
MAX_REGISTERS: Final = 4096  # KMH_MAX_REGISTERS
QUOTED_MOST: Final = 200
"""Characters of a line of the source that a report quotes."""


def lower(scenario: Scenario, facts: Facts) -> Program | NotApplicable:
    """Program of *scenario* for a guest with these *facts*.

    Raises ScenarioError for an unknown name, an index outside its range, or a broken rule
    (program_rules.py).
    """
    name = PurePath(scenario.file).stem
    for requirement in scenario.requires:
        reason = unmet(requirement, facts)
        if reason:
            return NotApplicable(name, reason)
    lowering = _Lowering(scenario, facts)
    reason = lowering.declare()
    if reason is None:
        lowering.run(scenario.body, None, lowering.numbers)
        reason = lowering.missing_operation()
    return NotApplicable(name, reason) if reason else lowering.program(name)


class _Lowering:
    def __init__(self, scenario: Scenario, facts: Facts) -> None:
        self._scenario = scenario
        self._facts = facts
        self.numbers: Mapping[str, int] = numbers(facts.layout)
        self._task_ids: dict[str, int] = {}
        self._cpus: list[int] = []
        self._pools: list[tuple[PageKind, int]] = []
        self._operations: list[Operation] = []
        self._places: list[SourcePlace] = []
        self._assertions: list[Assertion] = []
        self._sections: list[tuple[int, int, SourcePlace]] = []

    def declare(self) -> str | None:
        """Tasks and pages; the reason when the guest cannot have them."""
        for declared in self._scenario.pages:
            count = evaluate(declared.count, self.numbers)
            if not 0 < count < NO_PAGE:
                hint = f"ask for 1 to {NO_PAGE - 1}"
                raise ScenarioError(
                    declared.where, "not a number of pages", offending=str(count), hint=hint
                )
            self._pools.append((declared.kind, count))
        if any(kind is PageKind.ABOVE_4G for kind, _ in self._pools) and not self._facts.above_4g:
            return "wants pages above 4 GiB; this guest has none"
        return self._declare_tasks()

    def _declare_tasks(self) -> str | None:
        for name, cpu, where in self._declared_tasks():
            if name in self._task_ids:
                raise ScenarioError(where, "this task is declared twice", offending=name)
            if cpu != UNBOUND and not 0 <= cpu < self._facts.layout.online_cpus:
                return (
                    f"task {name} wants CPU {cpu}; this guest has {self._facts.layout.online_cpus}"
                )
            self._task_ids[name] = len(self._cpus)
            self._cpus.append(cpu)
            if len(self._cpus) > MAX_TASKS:
                raise ScenarioError(
                    where, "too many tasks", hint=f"at most {MAX_TASKS} fit in one program"
                )
        return None

    def _declared_tasks(self) -> Iterator[tuple[str, int, SourcePlace]]:
        for declared in self._scenario.tasks:
            count = 1 if declared.count is None else evaluate(declared.count, self.numbers)
            for i in range(count):
                name = declared.name if declared.count is None else f"{declared.name}{i}"
                names = {**self.numbers, "i": i}
                yield (
                    name,
                    UNBOUND if declared.cpu is None else evaluate(declared.cpu, names),
                    declared.where,
                )

    def run(self, body: tuple[Statement, ...], task: int | None, names: Mapping[str, int]) -> None:
        """Lower *body*, whose lines belong to *task* unless they name their own."""
        for statement in body:
            match statement:
                case Loop():
                    self._loop(statement, task, names)
                case TaskLine():
                    self.run((statement.statement,), self._task(statement.task, names), names)
                case AtomicBlock():
                    start = len(self._operations)
                    self.run(statement.body, task, names)
                    self._sections.append((start, len(self._operations), statement.where))
                case OpStatement():
                    self._operation(statement, task, names)

    def _loop(self, loop: Loop, task: int | None, names: Mapping[str, int]) -> None:
        if loop.variable in self.numbers:
            raise ScenarioError(
                loop.where,
                "a number of the guest is no loop variable",
                offending=loop.variable,
                hint="take i",
            )
        first, last = evaluate(loop.first, names), evaluate(loop.last, names)
        values = range(first, last - 1, -1) if loop.down else range(first, last + 1)
        for value in values:
            self.run(loop.body, task, {**names, loop.variable: value})

    def _task(self, ref: TaskRef, names: Mapping[str, int]) -> int:
        name = ref.name if ref.index is None else f"{ref.name}{evaluate(ref.index, names)}"
        if name not in self._task_ids:
            known = ", ".join(self._task_ids) or "none"
            raise ScenarioError(
                ref.where,
                "unknown task",
                offending=name,
                hint=f"declared are: {known} ('tasks: a@0 b@1')",
            )
        return self._task_ids[name]

    def _operation(
        self, statement: OpStatement, task: int | None, names: Mapping[str, int]
    ) -> None:
        step = len(self._operations)
        operation = self._lowered(statement, 0 if task is None else task, names)
        self._operations.append(operation)
        self._places.append(statement.where)
        for wanted in statement.expectations:
            value, line = evaluate(wanted.value, names), wanted.where.line
            self._assertions.append(
                Assertion(step, wanted.field, value, wanted.relative, line, self._source(line))
            )
        if statement.body:
            self.run(statement.body, task, names)
            count = len(self._operations) - step - 1
            self._operations[step] = operation._replace(value=count)
        elif statement.kind.code in OPENS_CONTEXT:
            raise ScenarioError(
                statement.where, "this block is empty", hint="give it an operation"
            )

    def _source(self, line: int) -> str:
        """The text of *line*, as reports quote it."""
        lines = self._scenario.text
        return lines[line - 1].strip()[:QUOTED_MOST] if line <= len(lines) else ""

    def _lowered(self, statement: OpStatement, task: int, names: Mapping[str, int]) -> Operation:
        page = NO_PAGE if statement.page is None else self._page(statement.page, names)
        operation = Operation(
            statement.kind.code,
            task=task,
            page=page,
            prot=statement.prot,
            value=evaluate(statement.value, names) & 0xFFFF_FFFF,
        )
        if statement.target is not None:
            cpu = evaluate(statement.value, names) << 8
            operation = operation._replace(value=self._task(statement.target, names) | cpu)
        if statement.register is not None:
            operation = operation._replace(
                reg=self._register(statement.register, statement.where, names)
            )
        if statement.kind.operand is Operand.INSTANT and statement.address is not None:
            offset = evaluate(statement.address.offset, names)
            return operation._replace(reg=statement.instant, offset=offset)
        if statement.address is not None:
            operation = self._address(operation, statement.address, statement.where, names)
        return operation

    def _address(
        self, operation: Operation, address: Address, where: SourcePlace, names: Mapping[str, int]
    ) -> Operation:
        offset = evaluate(address.offset, names)
        if address.base is Base.ABSOLUTE:
            offset = (offset & 0xFFFF_FFFF) - ((offset & 0x8000_0000) << 1)
        if address.page is not None:
            return operation._replace(
                base=address.base, page=self._page(address.page, names), offset=offset
            )
        index = evaluate(address.index, names)
        if address.base is Base.REG:
            index = self._register(address.index, where, names)
        if not 0 <= index <= 0xFFFF:
            raise ScenarioError(
                where, "an index outside its range", offending=str(index), hint="0 to 65535"
            )
        return operation._replace(base=address.base, reg=index, offset=offset)

    def _register(
        self, expression: Expression, where: SourcePlace, names: Mapping[str, int]
    ) -> int:
        number = evaluate(expression, names)
        if not 0 <= number < MAX_REGISTERS:
            hint = f"registers are m0 to m{MAX_REGISTERS - 1}"
            raise ScenarioError(where, "no such register", offending=f"m{number}", hint=hint)
        return number

    def _page(self, ref: PageRef, names: Mapping[str, int]) -> int:
        index = evaluate(ref.index, names)
        first = 0
        for kind, count in self._pools:
            if kind is ref.kind and 0 <= index < count:
                return first + index
            first += count
        name = f"{LETTER_OF_KIND[ref.kind]}{index}"
        hint = f"'pages: {PAGE_KIND_NAMES[ref.kind]} {index + 1}' would declare it"
        raise ScenarioError(ref.where, "no such page", offending=name, hint=hint)

    def missing_operation(self) -> str | None:
        """The reason when this generation lacks an operation."""
        for code in {operation.code for operation in self._operations}:
            if not self._facts.has(code):
                return f"uses {OPERATIONS[code].word}, which this kernel does not have"
        return None

    def program(self, name: str) -> Program:
        """The finished, checked program."""
        if not self._operations:
            where = SourcePlace(self._scenario.file, 1, 1)
            raise ScenarioError(
                where, "the scenario is empty on this guest", hint="its loops run no time"
            )
        program = Program(
            name,
            tuple(self._cpus),
            tuple(self._pools),
            tuple(self._operations),
            tuple(place.line for place in self._places),
            tuple(self._assertions),
            self._scenario.title,
            tuple(self._task_ids),
            any(requirement.name == "throwaway" for requirement in self._scenario.requires),
            file=self._scenario.file,
        )
        check_rules(program, self._facts.layout, self._places, self._sections)
        return program
