from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.compare.divergence import Verdict
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode
from harness.scenario.facts import Facts, usable_depth
from harness.scenario.generate import Wishes, generate, prelude
from harness.scenario.program_rules import check_rules
from harness.trace.trace_records import End
from tests.compare.model_guest import LOCAL, SMALL, STACK, ModelGuest

DEBUG = LOCAL._replace(
    debug_kmap_local=True,
    debug_highmem=True,
    force_map=True,
    window=33,
    fix_kmap_end=68 + 33 * 32 - 1,
)
LAYOUTS = {
    "local": LOCAL,
    "one-cpu": LOCAL._replace(online_cpus=1),
    "stack": STACK,
    "debug": DEBUG,
    "rt": LOCAL._replace(rt=True),
}


def run(layout, program, seed):
    guest = ModelGuest(layout, program, seed)
    judge = guest.judge()
    statuses = set()
    for step in guest.steps():
        statuses.add(step.observation.status)
        judge.step(step)
    return judge.end(End(len(program.operations))), statuses, guest


@given(st.integers(0, 2**32), st.sampled_from(sorted(LAYOUTS)))
@settings(max_examples=25, deadline=None)
def test_generated_programs_keep_every_rule_whatever_the_kernel_chooses(seed, name):
    layout = LAYOUTS[name]._replace(last_pkmap=16)
    program = generate(Facts(layout), Random(seed), Wishes(steps=400))
    check_rules(program, layout)
    result, statuses, guest = run(layout, program, seed)
    assert result.verdict is Verdict.AGREE
    assert statuses <= {Status.OK, Status.BLOCKED, Status.FAULT, Status.BUG}
    assert guest.state.waiting == ()


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_situation_is_reached(name):
    layout = LAYOUTS[name]._replace(last_pkmap=64)
    program = generate(Facts(layout), Random(8), Wishes(steps=8000))
    assert len(program.operations) >= 8000
    result, _, _ = run(layout, program, 8)
    wanted = usable_depth(layout) * (2 if layout.debug_kmap_local else 1)
    assert result.coverage.deepest == dict.fromkeys(range(layout.online_cpus), wanted)
    never = {what for what, count in result.coverage.situations.items() if not count}
    of_scenarios = {"interrupt inside"}
    assert never <= of_scenarios | (
        {"sleep with mappings"} if layout.generation is STACK.generation else set()
    )


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_prelude_moves_the_start(name):
    layout = LAYOUTS[name]
    ends = set()
    for seed in range(4):
        program = prelude(Facts(layout), Random(seed))
        check_rules(program, layout)
        result, statuses, guest = run(layout, program, seed)
        assert (result.verdict, statuses) == (Verdict.AGREE, {Status.OK})
        ends.add((guest.state.cursor, guest.state.ones))
    assert len(ends) == 4


def test_the_same_seed_gives_the_same_program():
    one, two, other = (generate(Facts(SMALL), Random(seed), Wishes(300)) for seed in (1, 1, 2))
    assert one == two != other


def test_missing_operations_and_foreign_slots_are_respected():
    missing = frozenset({OpCode.KMAP_ATOMIC_PROT, OpCode.KMAP_ATOMIC_PFN})
    program = generate(Facts(SMALL, missing=missing), Random(3), Wishes(500, held_by_others=2))
    assert not missing & {operation.code for operation in program.operations}
    held, most = set(), 0
    for operation in program.operations:
        if operation.code is OpCode.KMAP and operation.task == 0:
            held.add(operation.page)
        elif operation.code is OpCode.KUNMAP:
            held.discard(operation.page)
        most = max(most, len([page for page in held if page < SMALL.last_pkmap + 24]))
    assert most <= SMALL.last_pkmap - 2
