"""Programs: their notation, what they need, and which could wait for ever on any kernel."""

from types import SimpleNamespace

import pytest

from harness.errors import UsageError
from harness.guest.gate_wire import GatePart
from harness.kernel.kernel_record import KernelConfig
from harness.schedule.standard_programs import possible, small_programs, standard_programs
from harness.schedule.thread_program import may_starve, parse_program


def test_the_notation_is_read_as_it_is_written():
    text = "kmap a, read a, kunmap a || kunmap x; slots 2; cursor wrap"
    assert str(parse_program(text)) == text
    assert str(parse_program("kmap a||kmap a ;cursor next")) == "kmap a || kmap a; slots 1"


def test_a_page_that_is_unmapped_first_is_mapped_before():
    program = parse_program("kunmap x, kmap x || kunmap x, kunmap y; slots 3")
    assert program.initial == {"x": 2, "y": 1}
    assert program.pages == ("x", "y")


def test_only_programs_with_page_address_have_gates_at_its_table():
    assert parse_program("kmap a || page_address a").parts == {GatePart.PKMAP, GatePart.HASH}
    assert parse_program("kmap a || flush").parts == {GatePart.PKMAP}
    assert parse_program("kmap a || flush").flushes
    local = parse_program("kmap_local a, kunmap_local a || kmap b")
    assert local.parts == {GatePart.PKMAP, GatePart.LOCAL}


def test_an_interrupt_has_the_cpu_of_the_thread_that_it_interrupts():
    text = "kmap a || page_address a || hardirq 1: page_address a; slots 1; cpus 0,0"
    program = parse_program(text)
    assert str(program) == text
    assert (program.tasks, program.interrupts, program.cpus) == ((0, 1), True, (0, 0, 0))
    assert parse_program("kmap a || softirq 0: page_address a").cpus == (0, 0)
    assert not parse_program("kmap a || kmap a").interrupts


def test_only_kernels_with_kmap_local_map_in_windows():
    def of(**settings):
        return SimpleNamespace(config=KernelConfig(settings, ""))

    every = tuple(standard_programs())
    assert possible(every, of(CONFIG_KMAP_LOCAL="y")) == every
    assert possible(every, of()) == tuple(one for one in every if not one.maps_local)
    assert any(one.maps_local for one in every)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kmap a", "2 to 4 threads"),
        ("kmap a || map b", "'map b' is no operation"),
        ("kmap || flush", "'kmap' is no operation"),
        ("kmap a || flush a", "'flush a' is no operation"),
        ("flush || flush", "1 to 8 pages"),
        ("kmap a || kmap a; slots 0", "1 to 16 slots"),
        ("kmap a || kmap a; slots 1; cursor up", "'cursor up' is neither"),
        ("kmap a || kmap b; slots 1", "wait for ever"),
        ("kmap a, kunmap a, read a || flush", "reads a page that it does not have"),
        ("kmap a || sleep a", "'sleep a' is no operation"),
        ("kmap a || kmap b; slots 2; cpus 0", "one number for each task"),
        ("hardirq 1: page_address a || kmap a", "no task 1 before"),
        ("kmap a || hardirq 0: page_address a || softirq 1: page_address a", "no task 1"),
        ("kmap a || hardirq 0: kmap a", "an interrupt can use"),
        ("kmap a || kmap_local b", "reverse order"),
        ("kmap a || kmap_local b, kmap_local c, kunmap_local b, kunmap_local c", "reverse order"),
        ("kmap a || kmap_local b, kunmap_local b, read_local b", "reverse order"),
        (" || ".join(["kmap a"] * 5), "2 to 4 threads"),
        (f"{', '.join(['kmap a'] * 9)} || flush", "at most 8 operations"),
    ],
)
def test_what_is_wrong_is_said(text, why):
    with pytest.raises(UsageError, match=why):
        parse_program(text)


@pytest.mark.parametrize(
    ("text", "starves"),
    [
        ("kmap a || kmap b", True),
        ("kmap a, kunmap a || kmap b, kunmap b", False),
        ("kmap a || kmap a", False),
        ("kmap a, kmap b || kunmap x", True),
        ("kmap a || kunmap x", False),
        ("kmap a, kmap b, kunmap a, kunmap b || kmap c, kmap d, kunmap c, kunmap d", True),
    ],
)
def test_programs_that_wait_for_ever_on_one_slot(text, starves):
    loose = parse_program(f"{text}; slots 16")
    assert may_starve(type(loose)(loose.threads, 1)) is starves


def test_the_small_programs_come_first_and_are_small():
    small = small_programs()
    assert standard_programs()[: len(small)] == small
    assert all(sum(map(len, one.threads)) <= 6 for one in small)
    assert any(one.interrupts for one in small)


def test_the_standard_set_has_every_kind_of_program_once():
    programs = list(standard_programs())
    assert len(set(map(str, programs))) == len(programs)
    assert not any(map(may_starve, programs))
    assert {len(one.threads) for one in programs} == {2, 3}
    assert {one.slots for one in programs} == {1, 2, 3}
    assert {one.wrap for one in programs} == {False, True}
    assert [str(parse_program(str(one))) for one in programs] == list(map(str, programs))
