"""A persistent vector: tuples of tuples of tuples that share what does not change.

A state has 512 or 1,024 pkmap slots and 4,096 registers, of which a step changes one or
two.  Three levels of 16 make that copies of 16 references each; wider leaves are slower, since
every reference copied is a count changed in another object.
"""

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TypeVar

T = TypeVar("T")
Vector = tuple[tuple[tuple[T, ...], ...], ...]

_SHIFT = 4
_WIDTH = 1 << _SHIFT
_MASK = _WIDTH - 1


def build(items: Sequence[T]) -> Vector[T]:
    """Vector of *items*."""
    leaves = [tuple(items[at : at + _WIDTH]) for at in range(0, len(items), _WIDTH)]
    return tuple(tuple(leaves[at : at + _WIDTH]) for at in range(0, len(leaves), _WIDTH))


def get(vector: Vector[T], index: int) -> T:
    """Item *index* (not negative)."""
    return vector[index >> 2 * _SHIFT][index >> _SHIFT & _MASK][index & _MASK]


def put(vector: Vector[T], index: int, item: T) -> Vector[T]:
    """*vector* with item *index* replaced."""
    top, middle = index >> 2 * _SHIFT, index >> _SHIFT & _MASK
    branches = [*vector]
    leaves = [*branches[top]]
    leaf = [*leaves[middle]]
    leaf[index & _MASK] = item
    leaves[middle] = tuple(leaf)
    branches[top] = tuple(leaves)
    return tuple(branches)


def replaced(values: tuple[T, ...], at: int, value: T) -> tuple[T, ...]:
    """*values* with the one at position *at* replaced."""
    copy = [*values]
    copy[at] = value
    return tuple(copy)


def items(vector: Vector[T]) -> Iterable[T]:
    """All items in order."""
    return chain.from_iterable(chain.from_iterable(vector))
