"""A step being made and closed: what rules do to a draft, and what is told of it."""

import pytest

from harness.model.records.observation import Status
from harness.model.records.operation import NO_PAGE, Base, OpCode, Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import Context
from harness.model.rules.draft import Draft
from harness.model.rules.step import predict, step
from tests.model.kinds import of_kind
from tests.model.machines import LOCAL_PAE, small

pytestmark = pytest.mark.judges("step", "draft", "finish", "bookkeeping", "access", "local")

MACHINE = small(LOCAL_PAE, tasks=(0,))
BEGIN, END = MACHINE.layout.fix_kmap_begin, MACHINE.layout.fix_kmap_end
AT = MACHINE.layout.fixaddr


def start(machine=MACHINE, **fields):
    state = initial(machine, empty_snapshot(machine))
    return state._replace(tasks=(state.tasks[0]._replace(**fields), *state.tasks[1:]))


def draft():
    return Draft(MACHINE, start(), Operation(OpCode.NOP), 0)


def after(*operations, state=None):
    state = start() if state is None else state
    for op in operations:
        outcome = predict(MACHINE, state, op)
        assert outcome is not None, op
        state = outcome.state
    return state


def seen(*operations, state=None):
    """What the last of *operations* was seen to do."""
    *first, last = operations
    return predict(MACHINE, after(*first, state=state), last).observation


def test_a_tlb_holds_what_was_present_and_once():
    d = draft()
    d.mark_stale(0, 0x1000, 0x9000_162)
    assert d.state.stale == {}
    for pte in (0x163, 0x161, 0x163):
        d.mark_stale(0, 0x1000, pte)
    assert d.state.stale == {(0, 0x1000): (0x163, 0x161)}
    d.forget_stale(0x2000)
    d.invlpg(0x1000)
    assert (d.state.stale, d.invlpgs, d.invlpg_address) == ({}, 1, 0x1000)


@pytest.mark.parametrize(
    ("index", "depth", "early"),
    [
        (BEGIN, 1, False), (BEGIN, 0, True), (BEGIN + 1, 1, True), (BEGIN - 1, 1, False),
        (BEGIN - 1, -1, False),
        (BEGIN + 2, 5, False),
    ],
)  # fmt: skip
def test_a_flush_before_its_time(index, depth, early):
    """The third entry is there; the others are none."""
    d = draft()
    d.set_window(BEGIN + 2, 0x163)
    assert d.flushed_early(AT(index), depth) is early


def test_a_hole_that_is_unmapped_out_of_order_was_not_flushed_early():
    maps = [Operation(OpCode.KMAP_LOCAL, page=page, reg=page) for page in (0, 1)]
    hole = Operation(OpCode.SET_PTE, page=NO_PAGE, reg=0)
    assert seen(*maps, hole, Operation(OpCode.KUNMAP_LOCAL, reg=0)).flush_dirty == 0
    assert seen(*maps, Operation(OpCode.KUNMAP_LOCAL, reg=0)).flush_dirty == 0


def test_warnings_of_two_places_in_one_step():
    d = draft()
    for site in ("one", "two", "one"):
        d.warn_once(site)
    assert (d.warns, d.state.warned) == (2, {"one", "two"})


def test_the_windows_end_where_the_fixmap_says():
    d = draft()
    inside = [d.in_window(AT(index)) for index in (BEGIN - 1, BEGIN, END, END + 1)]
    assert inside == [False, True, True, False]
    assert d.in_window(AT(BEGIN) + 0xFFF)


MAP, WRITE = (
    Operation(OpCode.KMAP_LOCAL, page=0, reg=1),
    Operation(OpCode.WRITE, reg=1, value=0x1122_3344),
)


def test_addresses_wrap_and_may_be_absolute():
    second = MAP._replace(page=1, reg=2)
    back = Operation(OpCode.READ, reg=1, offset=0xFFFF_F000)
    assert seen(MAP, second, WRITE._replace(reg=2), back).value == 0x1122_3344
    absolute = Operation(OpCode.READ, base=Base.ABSOLUTE, offset=AT(BEGIN))
    assert seen(MAP, WRITE, absolute).value == 0x1122_3344


def test_what_is_not_asked_for_is_0():
    idle = seen(Operation(OpCode.NOP))
    assert (idle.page_address, idle.pte, idle.value) == (0, 0, 0)


def test_a_count_below_0_is_told_in_its_16_bits():
    assert seen(Operation(OpCode.NOP), state=start(migrate=-1)).migrate == 0xFFFF
    assert seen(Operation(OpCode.NOP), state=start(pagefault=-1)).pagefault == 0xFFFF


def test_a_bug_in_an_interrupt_is_the_end():
    underflow = Operation(OpCode.KUNMAP_LOCAL, base=Base.FIXMAP, reg=BEGIN)
    (alone,) = step(MACHINE, start(), underflow)
    assert (alone.observation.status, alone.state.lost) == (Status.DIED, "")
    inside = after(Operation(OpCode.HARDIRQ, value=2))
    (outcome,) = step(MACHINE, inside, underflow)
    assert outcome.observation.status is Status.DIED
    assert outcome.state.lost == "BUG in an interrupt: the kernel panics"


@pytest.mark.parametrize("hard", [True, False])
def test_a_context_ends_after_its_operations_and_gives_interrupts_back(hard):
    code, idle = OpCode.HARDIRQ if hard else OpCode.SOFTIRQ, Operation(OpCode.NOP)
    opened = after(Operation(code, value=2))
    assert opened.tasks[0].contexts == (Context(hard, 2, irqs_off=False),)
    assert opened.tasks[0].irqs_off is hard
    once = after(idle, state=opened)
    assert once.tasks[0].contexts == (Context(hard, 1, irqs_off=False),)
    assert once.tasks[0].irqs_off is hard
    assert after(idle, state=once).tasks[0] == start().tasks[0]


def test_on_rt_an_address_is_not_asked_for_where_one_may_not_sleep():
    machine = of_kind("local-rt")
    state = start(machine)
    for op in (Operation(OpCode.KMAP, page=0), Operation(OpCode.IRQ_OFF)):
        state = predict(machine, state, op).state
    assert predict(machine, state, Operation(OpCode.NOP, page=0)).observation.page_address == 0
    state = predict(machine, state, Operation(OpCode.IRQ_ON)).state
    assert (
        predict(machine, state, Operation(OpCode.NOP, page=0)).observation.page_address
        == 0xFF00_1000
    )
