from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.model.records.operation import (
    NO_PAGE,
    OPERATIONS,
    Base,
    OpCode,
    Operand,
    Operation,
    OperationFlag,
    Prot,
)
from harness.model.records.page import PageKind
from harness.scenario.abstract_lowering import abstract_programs
from harness.scenario.facts import Facts
from harness.scenario.generate import Wishes, generate
from harness.scenario.lowering import _Lowering, lower
from harness.scenario.program import NotApplicable, Program
from harness.scenario.program_text import operation_text, program_text
from harness.scenario.scenario_parser import parse_scenario, read_scenario
from tests.compare.model_guest import LOCAL, SMALL, STACK

POOLS = ((PageKind.HIGH, 5), (PageKind.LOW, 2), (PageKind.COLLIDING, 3), (PageKind.ABOVE_4G, 2))
SCENARIOS = sorted((Path(__file__).parent.parent / "scenarios").glob("*.kmap"))
_DRAWN_ELSEWHERE = (
    *(Operand.BLOCK, Operand.INSTANT, Operand.TASK_CPU, Operand.CPU_STATE),
    Operand.HELPER,
)
"""Operands that few numbers make: those of the scenarios are read back below."""


@st.composite
def single_operations(draw):
    drawn = [kind for kind in OPERATIONS.values() if kind.operand not in _DRAWN_ELSEWHERE]
    kind = draw(st.sampled_from(drawn))
    op = Operation(kind.code)
    if OperationFlag.MAPS in kind.flags:
        op = op._replace(reg=draw(st.integers(0, 4095)))
    if kind.operand in (
        *(Operand.PAGE, Operand.PAGE_PROT, Operand.PAGE_TYPE),
        Operand.PAGE_OFFSET,
    ):
        op = op._replace(page=draw(st.integers(0, 11)))
    if kind.operand is Operand.PAGE_PROT:
        op = op._replace(prot=draw(st.sampled_from(Prot)))
    if OperationFlag.HAS_ADDRESS in kind.flags:
        op = draw(addressed(op, kind.operand))
    if kind.operand in (
        Operand.VALUE,
        Operand.ADDRESS_VALUE,
        Operand.PAGE_TYPE,
        Operand.PAGE_OFFSET,
        Operand.ADDRESS_TYPE,
    ):
        op = op._replace(value=draw(st.integers(0, 2**32 - 1)))
    return op


@st.composite
def addressed(draw, op, operand):
    bases = [
        base for base in Base if base is not Base.DIRECT or operand is not Operand.ADDRESS_PTE
    ]
    base = draw(st.sampled_from(bases))
    op = op._replace(base=base, offset=draw(st.integers(-(2**31), 2**31 - 1)))
    if base in (Base.REG, Base.FIXMAP, Base.PKMAP):
        op = op._replace(reg=draw(st.integers(0, 4095)))
    if base is Base.DIRECT:
        op = op._replace(page=draw(st.integers(5, 6)))
    if operand is Operand.ADDRESS_PTE:
        page = draw(st.one_of(st.just(NO_PAGE), st.integers(0, 11)))
        op = op._replace(
            page=page, prot=draw(st.sampled_from(Prot)) if page != NO_PAGE else Prot.KERNEL
        )
    return op


@settings(deadline=None)
@given(single_operations())
def test_an_operation_reads_back_from_its_text(operation):
    header = "tasks: a@0\npages: high 5, low 2, colliding 3, above4g 2\n"
    scenario = parse_scenario(f"{header}a: {operation_text(operation, POOLS)}\n")
    assert program_of_one(scenario) == operation


def program_of_one(scenario):
    """Lowered without the rules, which a lone operation would break."""
    lowering = _Lowering(scenario, Facts(LOCAL, above_4g=True))
    assert lowering.declare() is None
    lowering.run(scenario.body, None, lowering.numbers)
    (operation,) = lowering._operations
    return operation


@pytest.mark.parametrize("layout", [LOCAL, STACK], ids=["local", "stack"])
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_conformance_scenario_reads_back_from_its_text(path, layout):
    facts = Facts(layout, above_4g=True, throwaway=True)
    program = lower(read_scenario(path), facts)
    if isinstance(program, NotApplicable):
        assert program.reason
        return
    again = lower(parse_scenario(program_text(program)), facts)
    assert again.operations == program.operations
    assert (again.tasks, again.pools, again.title) == (program.tasks, program.pools, program.title)
    assert [one[:4] for one in again.assertions] == [one[:4] for one in program.assertions]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32))
def test_a_generated_program_reads_back_from_its_text(seed):
    facts = Facts(SMALL)
    program = generate(facts, Random(seed), Wishes(steps=200))
    assert lower(parse_scenario(program_text(program)), facts).operations == program.operations


def test_an_abstract_program_reads_back_with_what_it_expects():
    """It is kept beside a report when its kernel diverges, and must find the same again."""
    facts = Facts(SMALL)
    for program in abstract_programs(facts, 3, 400):
        again = lower(parse_scenario(program_text(program)), facts)
        for one, other in zip(again.operations, program.operations, strict=True):
            assert operation_text(one) == operation_text(other)
        assert [one[:4] for one in again.assertions] == [one[:4] for one in program.assertions]
        assert program.assertions


def test_names_of_generated_tasks_are_given():
    program = Program("p", (0, 255), (), (Operation(OpCode.NOP, task=1),))
    assert "tasks: t0@0 t1@any" in program_text(program)
