"""The order of the windows' entries in the fixmap: learned, and kept by the model."""

import pytest

from harness.compare.window_order import PlacedMapping, learned_order
from harness.guest.shape import Shape
from harness.model.fast.fast_path import plain
from harness.model.search.explorer import explore
from harness.model.search.standard_machines import LOCAL, MACHINES
from harness.run.window_order_run import with_order

BEGIN, CPUS, WINDOW = LOCAL.fix_kmap_begin, LOCAL.nr_cpus, LOCAL.window
BY_DEPTH = (BEGIN, CPUS, 1)
BACKWARDS = (BEGIN + WINDOW - 1, -1, WINDOW)
LAST_CPU_FIRST = (BEGIN + (CPUS - 1) * WINDOW, 1, -WINDOW)
PLACES = ((0, 1), (0, 2), (1, 0), (1, 1), (1, 3))


def seen(order, places=PLACES):
    first, entry, cpu = order
    return [PlacedMapping(one, at, first + entry * at + cpu * one) for one, at in places]


@pytest.mark.parametrize("order", [BY_DEPTH, BACKWARDS, LAST_CPU_FIRST])
def test_every_order_with_a_place_for_each_entry_is_learned(order):
    assert learned_order(LOCAL, seen(order)) == order
    assert learned_order(LOCAL, seen(order, [(1, 0)])) == order


def test_an_order_that_nobody_would_guess_takes_three_mappings():
    wide = LOCAL._replace(window=4, fix_kmap_end=BEGIN + 4 * CPUS - 1)
    order = (BEGIN + 3 * CPUS + 1, -CPUS, 1)
    other = wide._replace(fix_kmap_end=wide.fix_kmap_end + 1)
    assert learned_order(other, seen(order)) == order
    assert learned_order(other, seen(order, [(0, 1)])) == ()


def test_one_mapping_of_another_stack_does_not_hide_the_order():
    odd = PlacedMapping(1, 0, BEGIN + 3)
    assert learned_order(LOCAL, [*seen(BY_DEPTH), odd]) == BY_DEPTH


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param((BEGIN, 1, 0), id="no CPU in the index"),
        pytest.param((BEGIN, 1, WINDOW - 1), id="windows that overlap"),
        pytest.param((BEGIN, 2 * CPUS, 1), id="entries beyond the area"),
        pytest.param((BEGIN + 1, 1, WINDOW), id="one entry too far"),
        pytest.param((BEGIN, 1, WINDOW), id="the usual order"),
    ],
)
def test_a_mistake_is_no_order(wrong):
    assert learned_order(LOCAL, seen(wrong)) == ()


def test_a_kernel_without_a_wrong_mapping_has_the_usual_order():
    assert learned_order(LOCAL, ()) == ()


@pytest.mark.parametrize("order", [BY_DEPTH, BACKWARDS, LAST_CPU_FIRST])
def test_each_entry_has_a_place_and_each_place_its_entry(order):
    layout = LOCAL._replace(windows=order)
    places = [(cpu, slot) for cpu in range(CPUS) for slot in range(WINDOW)]
    assert [layout.window_place(layout.window_index(*one)) for one in places] == places
    assert layout.window_place(LOCAL.fix_kmap_end + 1) is None
    assert list(layout.window_indices(1, range(3))) == [
        layout.window_index(1, at) for at in (0, 1, 2)
    ]


@pytest.mark.long
@pytest.mark.parametrize("name", ["tiny", "local-pfn"])
def test_a_kernel_with_another_order_keeps_the_contract(name):
    """With the order known; the same number of states is reached as with the usual one."""
    standard = next(one for one in MACHINES if one.name == name)
    usual = explore(standard.machine, standard.limits, fast_path=plain)
    layout = standard.machine.layout
    window, cpus = layout.window, layout.nr_cpus
    machine = standard.machine.with_layout(
        layout._replace(windows=(layout.fix_kmap_begin, cpus, 1))
    )
    assert window * cpus == layout.fix_kmap_end - layout.fix_kmap_begin + 1
    found = explore(machine, standard.limits, fast_path=plain)
    assert (found.failure, found.complete) == (None, True)
    assert found.states == usual.states


def test_the_module_is_given_the_order():
    assert with_order(Shape(), BACKWARDS).extra == (
        f"kmh.params=window_first={BACKWARDS[0]},window_entry=-1,window_cpu={WINDOW}",
    )
