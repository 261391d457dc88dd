"""Two kernels that do the same are equal, wherever they have pkmap, windows, pages and bits."""

import random

import pytest

from harness.compare.roles import RoleNames
from harness.compare.trace_diff import compare_traces
from harness.model.records.layout import TYPED_FIRST
from harness.model.records.observation import Interrupt
from harness.model.records.operation import Base, OpCode, Operation
from harness.report.trace_report import trace_lines
from harness.scenario.facts import Facts
from harness.scenario.generate import Wishes, generate
from harness.trace.trace_records import Begin, End, Header

from .model_guest import FULL, LOCAL, STACK, ModelGuest, pages_of, program

ELSEWHERE = LOCAL._replace(
    pkmap_base=0xFE800000,
    fixaddr_top=0xFFFEF000,
    fix_kmap_begin=40,
    fix_kmap_end=551,
    page_offset=0x80000000,
    high_memory=0x90000000,
    kmap_prot=0x163,
    typed_top=0x90900000,
)
TEXT = """tasks: a@0 b@1
pages: high 6, low 1
a: m0 = kmap h0 -> slot start+1
b: m1 = kmap_local_page h1
b: m2 = iomap h5 nocache
b: read m2+8
b: iounmap m2
a: write m0+8 0x1234
a: atomic { m3 = kmap_atomic h2; m4 = kmap_atomic_prot h3 ro; kunmap_atomic m4; kunmap_atomic m3 }
b: kunmap_local m1
a: m5 = kmap l0
a: read direct(l0)
a: page_address l0
a: kmap_to_page m0
a: kunmap h0
a: flush_unused
"""


def trace(layout, source, *, cursor=0, shift=0, seed=0):
    header = Header("6.1.0", "", "", layout, FULL, 1)
    guest = ModelGuest(layout, source, seed, cursor)
    pages = tuple(page._replace(pfn=page.pfn + shift) for page in pages_of(source.pools))
    guest.machine = guest.machine.with_pages(pages)
    steps = list(guest.steps())
    return header, [Begin(source, pages, guest.start), *steps, End(len(steps))]


def compared(left, right, **options):
    return compare_traces(left, right, **options)


def changed(found, number, **fields):
    header, records = found
    records = [*records]
    one = records[number + 1]
    records[number + 1] = one._replace(observation=one.observation._replace(**fields))
    return header, records


def test_kernels_laid_out_otherwise_do_the_same():
    """Every step differed."""
    found = compared(
        trace(LOCAL, program(TEXT, LOCAL)),
        trace(ELSEWHERE, program(TEXT, ELSEWHERE), cursor=100, shift=64),
    )
    assert (found.equal, found.compared, found.steps) == (True, 17, ())


def test_so_do_generated_programs():
    sides = [
        trace(layout, generate(Facts(layout), random.Random(5), Wishes(800)), shift=shift, seed=3)
        for layout, shift in ((LOCAL, 0), (ELSEWHERE, 16))
    ]
    found = compared(*sides)
    assert found.steps == ()
    assert found.compared >= 800


def test_generations_do_the_same_in_pkmap():
    text = "tasks: a@0\npages: high 2\na: m0 = kmap h0\na: m1 = kmap h1\na: kunmap h0\n"
    found = compared(trace(LOCAL, program(text, LOCAL)), trace(STACK, program(text, STACK)))
    assert found.equal


def test_another_slot_is_a_difference_that_has_its_role():
    here, there = trace(LOCAL, program(TEXT)), trace(ELSEWHERE, program(TEXT, ELSEWHERE))
    other = there[1][1].observation
    there = changed(there, 0, value=other.value + 0x1000)
    (one,) = compared(here, there).steps
    assert (one.number, one.fields, one.roles) == (0, ("value",), (("slot 1+0x0", "slot 2+0x0"),))
    assert "    value           slot 1+0x0 | slot 2+0x0" in list(
        trace_lines(compared(here, there))
    )


def test_another_protection_and_another_page_are_differences():
    here = trace(LOCAL, program(TEXT))
    pte = here[1][1].observation.pte
    for other, role in (
        (pte & ~2, "page 0 ro"),
        (pte + 0x1000, "page 1 kernel"),
        (pte ^ 0x200, "page 0 kernel^0x200"),
        (pte + 0x100000, "another page"),
        (0, 0),
    ):
        (one,) = compared(here, changed(here, 0, pte=other)).steps
        assert one.roles == (("page 0 kernel", role),)


def test_evidence_that_one_guest_lacks_is_not_compared():
    here = trace(LOCAL, program(TEXT))
    header, records = changed(here, 0, cursor=77)
    assert not compared(here, (header, records)).equal
    assert compared(here, (Header("", "", "", LOCAL, FULL & ~2, 1), records)).equal


ARMED = """tasks: a@0 b@1
pages: high 3
a: interrupt {} hardirq h1 1 skip 1
a: m0 = kmap h0
b: nop
a: kunmap h0
a: nop
"""
CAME = (Interrupt(1, 0, 0, 0, 0),)


@pytest.mark.parametrize(
    ("trigger", "layout", "options", "left_out"),
    [
        ("timer+2000", LOCAL, {}, None),
        ("timer+2000", LOCAL, {"timers": False}, 3),
        ("ipi+2000", LOCAL, {"timers": False}, 3),
        ("map+3", LOCAL, {"timers": False}, None),
        ("map+3", LOCAL._replace(instructions=(9,) * 11), {}, 3),
    ],
)
def test_interrupts_that_come_elsewhere(trigger, layout, options, left_out):
    """A timer's on request, one at an instruction where the functions have others."""
    source = program(ARMED.format(trigger))
    here, there = trace(LOCAL, source), trace(layout, source)
    there = changed(there, 3, interrupts=CAME)
    found = compared(here, there, **options)
    assert found.equal is (left_out is not None)
    assert found.left_out == (left_out or 0)
    late = changed(there, 4, interrupts=CAME)
    assert not compared(here, late, **options).equal


def test_openings_of_other_lengths_are_left_out():
    source = program(TEXT)
    flush = Operation(OpCode.FLUSH_UNUSED)
    turn = (Operation(OpCode.KMAP, page=0), Operation(OpCode.KUNMAP, page=0), flush)
    found = compared(
        trace(LOCAL, source.after((flush,))), trace(LOCAL, source.after((flush, *turn * 3)))
    )
    assert (found.equal, found.compared) == (True, 17)


NAMES = RoleNames(LOCAL, pages_of(program(TEXT).pools), cursor=5)


@pytest.mark.parametrize(
    ("address", "role"),
    [
        (0, 0),
        (0x1234, "0x1234"),
        (0xFF007123, "slot 2+0x123"),
        (0xFF000000, "slot 507+0x0"),
        (0xC1000010, "page 6+0x10"),
        (0xC2000010, "another page+0x10"),
        (LOCAL.fixaddr(68) + 4, "window 0.0+0x4"),
        (LOCAL.fixaddr(68 + 17), "window 1.1+0x0"),
        (LOCAL.fixaddr(67), "fixmap -1+0x0"),
        (LOCAL.fixaddr(580), "fixmap +1+0x0"),
        (LOCAL.fixaddr(TYPED_FIRST + 3) + 8, "typed 3+0x8"),
    ],
)
def test_roles_of_addresses(address, role):
    assert NAMES.address(address) == role


def test_roles_of_operations():
    absolute = Operation(OpCode.READ, base=Base.ABSOLUTE, offset=-0x00FF_9000)
    assert NAMES.operation(absolute)[6] == NAMES.address(0xFF007000) == "slot 2+0x0"
    fixmap = Operation(OpCode.READ, base=Base.FIXMAP, reg=69, offset=4)
    assert NAMES.operation(fixmap)[3] == "window 0.1"
    plain = Operation(OpCode.KMAP, page=3)
    assert NAMES.operation(plain) is plain
