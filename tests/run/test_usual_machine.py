"""Without a wish for memory, a kernel with wide page-table entries gets some above 4 GiB."""

from types import SimpleNamespace

import pytest

from harness.errors import UsageError
from harness.guest.shape import Shape
from harness.guest.shape_words import parse_shape
from harness.run.usual_machine import usual_machine

NARROW, HIGHMEM64G, NEWER, SPLIT = (
    SimpleNamespace(pae=pae, uses_high_frames=uses, splits_as_usual=usual)
    for pae, uses, usual in (
        (False, False, True),
        (True, True, True),
        (True, False, True),
        (True, False, False),
    )
)


def test_a_kernel_that_uses_high_frames_has_all_highmem_there():
    shape = usual_machine(Shape(smp=3), HIGHMEM64G)
    assert (shape.smp, shape.memory, shape.below, shape.highmem) == (3, 320, 192, None)
    assert usual_machine(shape, HIGHMEM64G) == shape


def test_a_newer_kernel_has_highmem_below_and_memory_above():
    shape = usual_machine(Shape(), NEWER)
    assert (shape.memory - shape.below, shape.highmem) == (128, None)
    assert shape.below > 896, "lowmem ends at 896 MiB"


def test_a_newer_kernel_with_another_split_keeps_its_highmem():
    """It had 1152 MiB, all of them lowmem."""
    assert usual_machine(Shape(), SPLIT) == Shape()


def test_narrow_entries_reach_no_further():
    assert usual_machine(Shape(), NARROW) == Shape()


@pytest.mark.parametrize("words", ["memory=256", "highmem=100", "below=200", "kaslr", "qemu=x"])
def test_what_the_user_has_chosen_stays(words):
    shape = parse_shape(words)
    assert usual_machine(shape, HIGHMEM64G) == shape


def test_isolation_that_a_kernel_does_not_have_is_refused():
    """It said "PTI" and changed nothing."""
    paging = SimpleNamespace(isolation_options=("CONFIG_PAGE_TABLE_ISOLATION",))
    kernel = SimpleNamespace(
        name="6.1-pae",
        pae=True,
        uses_high_frames=True,
        isolates=False,
        architecture=SimpleNamespace(paging=paging),
    )
    with pytest.raises(UsageError, match=r"6\.1-pae has no page table isolation"):
        usual_machine(parse_shape("pti"), kernel)
    kernel.isolates = True
    assert usual_machine(parse_shape("pti"), kernel).pti
