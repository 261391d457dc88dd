"""Vectors: three levels of 16, of which a change copies one way down."""

import pytest

from harness.model.records import vector

pytestmark = pytest.mark.judges("vector")


@pytest.mark.parametrize("size", [0, 1, 16, 17, 256, 257, 4096])
def test_a_vector_has_what_it_was_built_of(size):
    built = vector.build(range(size))
    assert list(vector.items(built)) == list(range(size))
    assert [vector.get(built, at) for at in range(size)] == list(range(size))
    assert max((len(part) for branch in built for part in (branch, *branch)), default=0) == min(
        size, 16
    )


@pytest.mark.parametrize("at", [0, 1, 15, 16, 17, 255, 256, 272, 300])
def test_a_change_shares_the_rest(at):
    old = vector.build(range(301))
    new = vector.put(old, at, -1)
    assert list(vector.items(new)) == [-1 if n == at else n for n in range(301)]
    assert list(vector.items(old)) == list(range(301))
    leaves = zip(
        (leaf for one in old for leaf in one), (leaf for one in new for leaf in one), strict=True
    )
    assert [number for number, (was, now) in enumerate(leaves) if was is not now] == [at // 16]


def test_one_of_a_tuple_is_replaced():
    assert vector.replaced((1, 2, 3), 1, 5) == (1, 5, 3)
