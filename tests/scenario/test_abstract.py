"""Abstract programs keep the rules in every generation, agree on the model, and find bugs."""

import dataclasses
from random import Random

import pytest

from harness.compare.divergence import Verdict
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode
from harness.scenario.abstract_lowering import abstract_programs, lower_abstract, targets
from harness.scenario.abstract_program import TASKS, MappingWay, Verb, invent
from harness.scenario.facts import Facts
from harness.scenario.program_rules import check_rules
from harness.trace.trace_records import End
from tests.compare.model_guest import LOCAL, STACK, ModelGuest

LAYOUTS = {
    "local": LOCAL._replace(online_cpus=4),
    "one-cpu": LOCAL._replace(online_cpus=1),
    "two-cpus": LOCAL,
    "stack": STACK,
    "rt": LOCAL._replace(rt=True),
}
PROGRAM = invent(Random(5), 1500, name="same")


def run(layout, program, wrong=lambda step: step):
    guest = ModelGuest(layout, program)
    judge = guest.judge()
    statuses = set()
    for step in guest.steps():
        statuses.add(step.observation.status)
        judge.step(wrong(step))
    return judge.end(End(len(program.operations))), statuses


def lowered(layout):
    facts = Facts(layout)
    return {target.name: lower_abstract(PROGRAM, target, facts) for target in targets(facts)}


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_lowering_keeps_the_rules_and_agrees(name):
    layout = LAYOUTS[name]
    programs = lowered(layout)
    assert set(programs) == {layout.generation.value, "typed-2.6.24", "typed-2.6.32"}
    for program in programs.values():
        check_rules(program, layout)
        assert len(program.assertions) > 100
        result, statuses = run(layout, program)
        assert result.verdict is Verdict.AGREE
        assert statuses == {Status.OK}
        assert not result.unjudged


def test_what_a_generation_lacks_is_left_out_and_nothing_else():
    local, stack = lowered(LAYOUTS["local"]), lowered(LAYOUTS["stack"]._replace(online_cpus=4))
    acts = len(PROGRAM.acts)
    assert len(local["local"].operations) == acts + 1
    assert acts > len(stack["stack"].operations) > len(stack["typed-2.6.32"].operations) * 0.99
    assert len(stack["typed-2.6.32"].operations) > len(stack["typed-2.6.24"].operations)
    codes = {operation.code for operation in stack["stack"].operations}
    assert OpCode.KMAP_LOCAL not in codes
    assert {OpCode.KMAP, OpCode.KMAP_ATOMIC, OpCode.HARDIRQ, OpCode.SOFTIRQ, OpCode.SLEEP} <= codes


def test_sections_of_several_cpus_overlap():
    """On one CPU all but one of them are left out, and what is left agrees."""
    keeps, most = dict.fromkeys(range(len(TASKS)), 0), 0
    for act in PROGRAM.acts:
        if act.way is MappingWay.ATOMIC and act.verb in (Verb.MAP, Verb.UNMAP):
            keeps[act.task] += 1 if act.verb is Verb.MAP else -1
            most = max(most, sum(1 for kept in keeps.values() if kept))
    assert most == 3
    assert len(lowered(LAYOUTS["one-cpu"])["local"].operations) < len(PROGRAM.acts)


def test_as_many_as_leave_the_steps_wanted():
    facts = Facts(STACK)
    programs = tuple(abstract_programs(facts, 3, 5000))
    assert programs == tuple(abstract_programs(facts, 3, 5000))
    for target in targets(facts):
        own = [one for one in programs if one.name.endswith(f"-{target.name}")]
        assert sum(len(one.operations) for one in own) >= 5000
        assert [one.name for one in own] == [
            f"abstract-3-{n}-{target.name}" for n in range(len(own))
        ]


def test_the_abstract_oracle_stands_beside_the_model():
    """A read that the model is made to believe is still held against the abstract program."""
    program = lowered(LOCAL)["typed-2.6.24"]
    first = program.assertions[0]
    wrong = program.assertions[0]._replace(value=first.value ^ 1)
    result, _ = run(
        LOCAL, dataclasses.replace(program, assertions=(wrong, *program.assertions[1:]))
    )
    assert [one.step for one in result.failed_assertions] == [first.step]
    assert result.verdict is Verdict.DIVERGE
