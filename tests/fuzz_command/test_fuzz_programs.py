"""Fuzzed programs: legal on every kernel, and over the product of operations and operands."""

from collections import Counter
from random import Random

import pytest

from harness.compare.divergence import Verdict
from harness.fuzz.acts import ACTS
from harness.fuzz.program_source import ProgramSource, fuzzed
from harness.model.records.helper import HELPERS, helper_call
from harness.model.records.layout import PAGE_SIZE
from harness.model.records.observation import Status
from harness.model.records.operation import OPERATIONS, Base, OpCode, Operation, OperationFlag
from harness.scenario.facts import Facts
from harness.scenario.program_rules import check_rules
from harness.trace.trace_records import End
from tests.compare.model_guest import LOCAL, STACK, ModelGuest

LAYOUTS = {
    "local": LOCAL,
    "one-cpu": LOCAL._replace(online_cpus=1),
    "stack": STACK,
    "rt": LOCAL._replace(rt=True),
}
NOT_REACHED = {
    OpCode.SET_PTE: "it writes the page tables, which no correct program does",
    OpCode.EXIT: "a task that has exited is of no use to the acts that follow",
    OpCode.MIGRATE: "a scenario says where its task goes",
    OpCode.AFFINITY: "an errand goes on in the background: its programs are written by hand",
    OpCode.HOTPLUG: "as AFFINITY",
    OpCode.AWAIT: "as AFFINITY",
    OpCode.FORK: "it takes a process: its programs are written by hand",
    OpCode.USER: "as FORK",
    OpCode.WORKLOAD: "it takes processes, and a hundred times as long as other operations",
    OpCode.ATTRIBUTE: "it leaves nothing behind that another operation could meet",
}
"""Operations that no fuzzed program has, and why."""


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_correct_kernel_agrees_whatever_it_chooses(name, seed):
    layout = LAYOUTS[name]
    program = ProgramSource(Facts(layout), seed).next().program
    check_rules(program, layout)
    guest = ModelGuest(layout, program, seed)
    judge, statuses = guest.judge(), set()
    for step in guest.steps():
        if step.operation.code is not OpCode.INTERRUPT:  # the function may be shorter
            statuses.add(step.observation.status)
        judge.step(step)
    assert judge.end(End(len(program.operations))).verdict is Verdict.AGREE
    assert statuses <= {Status.OK, Status.FAULT, Status.BUG, Status.BLOCKED}


@pytest.fixture(scope="module")
def drawn():
    """Operations of many programs, by kernel."""
    found = {}
    for name, layout in LAYOUTS.items():
        rng = Random(1)
        mix = dict.fromkeys(ACTS, 1.0)
        programs = [fuzzed(Facts(layout), rng, mix, "one") for _ in range(30)]
        found[name] = [one for program in programs for one in program.operations]
    return found


def kinds_of_operand(operation: Operation):
    """The operand's base, and whether its offset is at the start, inside or beside its page."""
    offset = operation.offset
    where = "start" if not offset else "inside" if 0 < offset < PAGE_SIZE else "beside"
    return operation.base, where


def test_every_operation_is_drawn_or_has_a_reason(drawn):
    here = {one.code for one in drawn["local"]}
    assert set(OPERATIONS) - here == set(NOT_REACHED)


def test_every_kind_of_address_is_looked_up_at_every_kind_of_offset(drawn):
    looked = {kinds_of_operand(one) for one in drawn["local"] if one.code is OpCode.KMAP_TO_PAGE}
    bases = set(Base) - {Base.ABSOLUTE}
    assert looked == {(base, where) for base in bases for where in ("start", "inside", "beside")}


def test_unmaps_end_mappings_at_offsets_inside_their_page(drawn):
    unmaps = OperationFlag.UNMAPS | OperationFlag.WINDOW
    for name in ("local", "stack"):
        offsets = Counter(
            bool(one.offset) for one in drawn[name] if unmaps in OPERATIONS[one.code].flags
        )
        assert offsets[True] > 20 < offsets[False]


def test_every_helper_is_called(drawn):
    called = {helper_call(one).number for one in drawn["local"] if one.code is OpCode.HELPER}
    wanted = {number for number in HELPERS if LOCAL.helpers >> number & 1}
    assert called == wanted
