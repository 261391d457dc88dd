"""The model of micro-steps agrees with the search for programs in which nobody waits."""

import pytest

from harness.guest.gate_wire import GateKind
from harness.schedule.thread_program import parse_program
from tests.schedule.every_order import orders
from tests.schedule.micro_steps import orders_of


@pytest.mark.parametrize("bound", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("text", "operations"),
    [
        ("kmap a || kmap a; slots 2", (1, 1)),
        ("kmap a, kunmap a || kmap a, kunmap a", (2, 2)),
        ("kmap a || kmap b || kmap c; slots 3", (1, 1, 1)),
    ],
)
def test_two_searches_find_the_same_orders(text, operations, bound):
    found = sorted(orders_of(parse_program(text), bound))
    assert found == sorted(orders(operations, bound))


@pytest.mark.parametrize(("bound", "number"), [(0, 2), (1, 7), (2, 19), (3, 28)])
def test_a_sleep_and_its_wake_up_have_so_many_orders(bound, number):
    """As many as the module counts; the last piece of a thread shows in no event."""
    assert len(list(orders_of(parse_program("kmap a || kunmap x"), bound))) == number


def test_orders_differ_in_whether_a_thread_sleeps():
    found = list(orders_of(parse_program("kmap a || kunmap x"), 2))
    asleep = [any(kind is GateKind.SLEEP for _, kind in events) for events in found]
    assert 0 < sum(asleep) < len(found)
