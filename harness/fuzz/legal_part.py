"""Programs with operations taken out: what then breaks a rule of the interface goes, too."""

from collections.abc import Collection
from dataclasses import replace

from harness.model.records.layout import Layout
from harness.model.records.operation import OPENS_CONTEXT, Operation
from harness.scenario.program import Program
from harness.scenario.program_rules import breaches


def without(program: Program, gone: Collection[int]) -> Program:
    """*program* without the operations of the numbers *gone*; blocks shrink with their content."""
    kept = [number for number in range(len(program.operations)) if number not in gone]
    operations = tuple(_resized(program.operations, number, gone) for number in kept)
    return replace(program, operations=operations)


def legal_part(program: Program, layout: Layout) -> Program:
    """*program* without the operations that break a rule of program_rules.py."""
    while True:
        program = without(program, _empty_blocks(program.operations))
        gone = {error.where.line for error in breaches(program, layout)}
        if not gone:
            return program
        program = without(program, gone)


def _resized(operations: tuple[Operation, ...], number: int, gone: Collection[int]) -> Operation:
    """An operation; one that opens a block has as many others in it as are left of them."""
    operation = operations[number]
    if operation.code not in OPENS_CONTEXT:
        return operation
    inside = range(number + 1, min(number + 1 + operation.value, len(operations)))
    return operation._replace(value=sum(one not in gone for one in inside))


def _empty_blocks(operations: tuple[Operation, ...]) -> frozenset[int]:
    return frozenset(
        number
        for number, one in enumerate(operations)
        if one.code in OPENS_CONTEXT and not one.value
    )
