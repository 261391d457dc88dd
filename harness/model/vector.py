"""A persistent vector: a tuple of tuples that shares what does not change.

A state has 512 or 1,024 pkmap slots and up to 4,096 registers, of which a step changes
one or two.  Two levels of 64 make that two copies of 64 references.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")
Vector = tuple[tuple[T, ...], ...]

_SHIFT = 6
_LEAF = 1 << _SHIFT
_MASK = _LEAF - 1


def build(items: Sequence[T]) -> Vector[T]:
    """Vector of *items*."""
    return tuple(tuple(items[at : at + _LEAF]) for at in range(0, len(items), _LEAF))


def get(vector: Vector[T], index: int) -> T:
    """Item *index* (not negative)."""
    return vector[index >> _SHIFT][index & _MASK]


def put(vector: Vector[T], index: int, item: T) -> Vector[T]:
    """*vector* with item *index* replaced."""
    top, low = index >> _SHIFT, index & _MASK
    leaf = vector[top]
    leaf = (*leaf[:low], item, *leaf[low + 1 :])
    return (*vector[:top], leaf, *vector[top + 1 :])


def items(vector: Vector[T]) -> Iterable[T]:
    """All items in order."""
    for leaf in vector:
        yield from leaf
