"""Sleeping, yielding, moving, ending: on a machine of each generation."""

import pytest

from harness.model.records.machine import SLEEP_MAX
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import Phase
from harness.model.rules.step import predict, step
from tests.model.kinds import of_kind

pytestmark = pytest.mark.judges("context", "refusal", "step", "finish", "local")

MAPS = {"local": OpCode.KMAP_LOCAL, "stack": OpCode.IOMAP, "typed": OpCode.TYPED_MAP}
SLEEP, YIELD, EXIT = (
    Operation(OpCode.SLEEP, value=5),
    Operation(OpCode.YIELD),
    Operation(OpCode.EXIT),
)


def after(machine, *operations):
    state = initial(machine, empty_snapshot(machine))
    for op in operations:
        outcome = predict(machine, state, op)
        assert outcome is not None, op
        state = outcome.state
    return state


def mapped(kind, *, pages=(0, 1)):
    """The machine and its state after task 0 has mapped some pages."""
    machine = of_kind(kind)
    maps = [Operation(MAPS[kind], page=page, reg=page + 1, value=page) for page in pages]
    return machine, after(machine, *maps)


def test_a_mapped_sleeper_of_the_local_generation_is_flushed_and_comes_back():
    machine, state = mapped("local")
    outcome = predict(machine, state, SLEEP)
    seen = outcome.observation
    last = machine.layout.fixaddr(machine.layout.fix_kmap_begin + 1)
    assert (outcome.rule, seen.invlpgs, seen.invlpg_address) == ("context.sleep-mapped", 2, last)
    assert (seen.windows, outcome.state.windows) == ((), state.windows)


def test_a_yield_need_not_switch():
    machine, state = mapped("local")
    outcome = predict(machine, state, YIELD)
    assert (outcome.rule, outcome.observation.invlpgs, outcome.observation.invlpg_address) == (
        "context.yield-mapped", 0, 0,
    )  # fmt: skip
    assert outcome.state.windows == state.windows


@pytest.mark.parametrize(("op", "outcomes"), [(SLEEP, 1), (YIELD, 2)])
def test_what_a_tlb_holds_is_gone_after_a_sleep_but_not_after_a_yield(op, outcomes):
    """The first is unmapped before the second: that one's translation stays where a third then
    comes.
    """
    maps = [Operation(OpCode.KMAP_LOCAL, page=page, reg=page) for page in (0, 1, 2)]
    machine = of_kind("local")
    state = after(machine, *maps[:2], Operation(OpCode.KUNMAP_LOCAL, reg=0), maps[2])
    read = Operation(OpCode.READ, reg=2)
    assert len(step(machine, state, read)) == 2
    assert len(step(machine, predict(machine, state, op).state, read)) == outcomes


@pytest.mark.parametrize("kind", ["stack", "typed"])
@pytest.mark.parametrize(("op", "rule"), [(SLEEP, "context.sleep"), (YIELD, "context.yield")])
def test_in_other_generations_nothing_happens_to_windows(kind, op, rule):
    machine = of_kind(kind)
    state = after(machine)
    outcome = predict(machine, state, op)
    assert (outcome.rule, outcome.observation.invlpgs, outcome.state.windows) == (rule, 0, {})


@pytest.mark.parametrize(
    ("value", "status"), [(SLEEP_MAX, Status.OK), (SLEEP_MAX + 1, Status.REFUSED)]
)
def test_a_sleep_has_its_limit(value, status):
    machine = of_kind("local")
    seen = predict(machine, after(machine), SLEEP._replace(value=value)).observation
    assert seen.status is status
    assert (
        predict(machine, after(machine), YIELD._replace(value=value)).observation.status
        is Status.OK
    )


@pytest.mark.parametrize("section", [OpCode.PREEMPT_OFF, OpCode.IRQ_OFF])
@pytest.mark.parametrize("op", [SLEEP, YIELD, EXIT, Operation(OpCode.MIGRATE, value=1)])
def test_nothing_of_this_in_an_atomic_section(section, op):
    machine = of_kind("local")
    outcome = predict(machine, after(machine, Operation(section)), op)
    assert (outcome.observation.status, outcome.rule) == (Status.REFUSED, "refused")


@pytest.mark.parametrize(("pages", "rule"), [((), "context.exit"), ((0,), "context.exit-mapped")])
def test_a_task_ends_as_it_is(pages, rule):
    machine, state = mapped("local", pages=pages)
    outcome = predict(machine, state, EXIT)
    assert (outcome.rule, outcome.observation.invlpgs) == (rule, 0)
    assert (outcome.state.tasks[0].phase, outcome.state.windows) == (Phase.DEAD, {})


@pytest.mark.parametrize(
    ("pages", "cpu", "rule"),
    [
        ((), 1, "context.migrate"),
        ((), 2, "context.migrate-refused"),
        ((0,), 1, "context.migrate-refused"),
    ],
)
def test_a_task_is_sent_where_there_is_a_cpu_and_only_without_mappings(pages, cpu, rule):
    machine, state = mapped("local", pages=pages)
    outcome = predict(machine, state, Operation(OpCode.MIGRATE, value=cpu))
    there = (1, 1) if rule == "context.migrate" else (0, 0)
    assert (outcome.rule, outcome.state.tasks[0][1:3], outcome.observation.cpu) == (
        rule,
        there,
        there[0],
    )


def test_sections_nest_and_end():
    machine, deep = of_kind("local"), Operation(OpCode.PREEMPT_OFF)
    state = after(machine, deep, deep, Operation(OpCode.PREEMPT_ON), Operation(OpCode.IRQ_OFF))
    assert (state.tasks[0].preempt, state.tasks[0].irqs_off) == (1, True)
    assert not predict(machine, state, Operation(OpCode.IRQ_ON)).state.tasks[0].irqs_off


def test_an_interrupt_for_no_operation_never_begins():
    machine = of_kind("local")
    for code, rule in ((OpCode.HARDIRQ, "context.hardirq"), (OpCode.SOFTIRQ, "context.softirq")):
        outcome = predict(machine, after(machine), Operation(code))
        assert (outcome.rule, outcome.state.tasks[0].contexts) == (rule, ())


def test_a_signal_wakes_nobody_who_sleeps_in_kmap():
    machine = of_kind("local")
    fill = [Operation(OpCode.KMAP, page=page, reg=page) for page in (0, 1, 2)]
    state = after(machine, *fill, Operation(OpCode.KMAP, 1, page=3, reg=3))
    for number, rule in ((1, "signal.waiter"), (2, "signal")):
        outcome = predict(machine, state, Operation(OpCode.SIGNAL, value=number))
        assert (outcome.rule, outcome.state.waiting, outcome.state.tasks) == (
            rule,
            (1,),
            state.tasks,
        )
