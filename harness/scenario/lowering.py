"""Lowers a scenario for one guest: fills in numbers, unrolls loops, resolves names, checks."""

from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Final

from harness.model.records.helper import operation_word
from harness.model.records.operation import (
    OPENS_CONTEXT,
    Operation,
)
from harness.model.records.page import PageKind
from harness.scenario.expression import evaluate
from harness.scenario.facts import Facts, numbers, unmet
from harness.scenario.limits import OPERATIONS_MOST, PAGES_MOST, TASKS_MOST, within, word
from harness.scenario.operand_lowering import OperandLowering
from harness.scenario.program import UNBOUND, Assertion, NotApplicable, Program
from harness.scenario.program_rules import check_rules
from harness.scenario.scenario_error import ScenarioError, SourcePlace
from harness.scenario.syntax import (
    AtomicBlock,
    Loop,
    OpStatement,
    Scenario,
    Statement,
    TaskLine,
)

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
        self.numbers: Mapping[str, int] = numbers(facts.layout, facts.seed)
        self._task_ids: dict[str, int] = {}
        self._cpus: list[int] = []
        self._pools: list[tuple[PageKind, int]] = []
        self._operations: list[Operation] = []
        self._places: list[SourcePlace] = []
        self._assertions: list[Assertion] = []
        self._sections: list[tuple[int, int, SourcePlace]] = []
        self._turns = 0
        self._operands = OperandLowering(self._task_ids, self._pools)

    def declare(self) -> str | None:
        """Tasks and pages; the reason when the guest cannot have them."""
        for declared in self._scenario.pages:
            count = evaluate(declared.count, self.numbers)
            left = PAGES_MOST - sum(others for _, others in self._pools)
            within(count, left, declared.where, "the number of pages", least=1)
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
            if len(self._cpus) > TASKS_MOST:
                raise ScenarioError(
                    where, "too many tasks", hint=f"at most {TASKS_MOST} fit in one program"
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
                    number = self._operands.task(statement.task, names)
                    self.run((statement.statement,), number, names)
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
        self._count((first - last if loop.down else last - first) + 1, loop.where)
        values = range(first, last - 1, -1) if loop.down else range(first, last + 1)
        for value in values:
            self.run(loop.body, task, {**names, loop.variable: value})

    def _count(self, turns: int, where: SourcePlace) -> None:
        """Count turns of a loop and operations, before they are unrolled."""
        self._turns += max(turns, 0)
        if self._turns > OPERATIONS_MOST:
            raise ScenarioError(
                where,
                f"the scenario is longer than {OPERATIONS_MOST} operations and turns of loops",
                hint="let its loops run less often, or cut it into several scenarios",
            )

    def _operation(
        self, statement: OpStatement, task: int | None, names: Mapping[str, int]
    ) -> None:
        step = len(self._operations)
        self._count(1, statement.where)
        operation = self._operands.operation(statement, 0 if task is None else task, names)
        self._operations.append(operation)
        self._places.append(statement.where)
        for wanted in statement.expectations:
            value, line = evaluate(wanted.value, names), wanted.where.line
            word(value, wanted.where, "an expectation")
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

    def missing_operation(self) -> str | None:
        """The reason when this generation lacks an operation."""
        for name in {operation_word(operation) for operation in self._operations}:
            if not self._facts.has_word(name):
                return f"uses {name}, which this kernel does not have"
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
