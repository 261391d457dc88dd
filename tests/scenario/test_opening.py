"""Whatever state earlier programs leave, a scenario's assertions hold on a correct kernel."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.compare.divergence import Verdict
from harness.model.records.operation import OpCode
from harness.model.records.snapshots import initial
from harness.scenario.opening import opened
from harness.trace.trace_records import End
from tests.compare.model_guest import LOCAL, STACK, ModelGuest, program

TEXTS = {
    "slots": """tasks: a@0
pages: high 3
a: m0 = kmap h0 -> slot start+1, count 2, cursor start+1
a: write m0 1
a: kunmap h0 -> count 1
a: m1 = kmap h1 -> slot start+2, flush_scans 0
a: read m0 -> value 1
a: kunmap h1
""",
    "turn": """tasks: a@0
pages: high N+1
a: m0 = kmap h0 -> slot start+1
a: kunmap h0
for i in 1..N { a: m1 = kmap h[i]; a: kunmap h[i] }
a: m2 = kmap h[N] -> slot start+1
a: kunmap h[N]
""",
}


def left_behind(guest, layout, ones, cursor):
    """The start of *guest* with slots at 1 whose pages have been given out again."""
    ones = [slot for slot in ones if slot < layout.last_pkmap][: len(guest.machine.pages)]
    counts, ptes = [0] * layout.last_pkmap, [0] * layout.last_pkmap
    addresses = list(guest.start.page_addresses)
    for page, slot in enumerate(ones):
        counts[slot], ptes[slot] = 1, guest.machine.ptes[page]
        addresses[page] = layout.pkmap_address(slot)
    return guest.start._replace(
        cursor=cursor % layout.last_pkmap,
        counts=tuple(counts),
        ptes=tuple(ptes),
        page_addresses=tuple(addresses),
    )


def run(layout, name, start, opening=opened):
    guest = ModelGuest(layout, program(TEXTS[name], layout))
    guest.start = left_behind(guest, layout, *start)
    guest.program = opening(guest.program, layout, guest.start)
    guest.state = initial(guest.machine, guest.start)
    judge = guest.judge()
    for step in guest.steps():
        judge.step(step)
    return judge.end(End(len(guest.program.operations)))


@pytest.mark.parametrize("name", TEXTS)
@given(
    st.lists(st.integers(0, 1023), unique=True),
    st.integers(0, 1023),
    st.sampled_from((LOCAL, STACK)),
)
def test_assertions_hold_from_any_start(name, ones, cursor, layout):
    result = run(layout._replace(last_pkmap=32), name, (ones, cursor))
    assert result.verdict is Verdict.AGREE
    assert not result.failed_assertions


@pytest.mark.parametrize("start", [((1,), 0), ((), 510)])
def test_without_an_opening_they_do_not(start):
    assert run(
        LOCAL, "slots", start, opening=lambda source, layout, snapshot: source
    ).failed_assertions


def test_an_opening_moves_lines_and_assertions():
    source = program(TEXTS["slots"], LOCAL)
    start = ModelGuest(LOCAL, source).start
    near_the_wrap = opened(source, LOCAL, start._replace(cursor=510))
    assert near_the_wrap.opening > opened(source, LOCAL, start).opening == 1
    assert near_the_wrap.operations[near_the_wrap.opening :] == source.operations
    assert near_the_wrap.line(near_the_wrap.opening) == source.line(0)
    assert near_the_wrap.line(0) == 0
    assert near_the_wrap.assertions[0].step == source.assertions[0].step + near_the_wrap.opening


def test_what_asserts_nothing_starts_from_what_it_finds():
    source = program("tasks: a@0\npages: high 1\na: m0 = kmap h0\na: kunmap h0\n", LOCAL)
    assert opened(source, LOCAL, ModelGuest(LOCAL, source).start) is source
    assert OpCode.FLUSH_UNUSED not in {one.code for one in source.operations}
