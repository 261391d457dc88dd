"""Shrinking: the smallest program that still fails in the same way.

The operations after the failure go first, then others in large pieces and then one by one (delta
debugging: Zeller and Hildebrandt, 2002), then mappings with their unmappings, then tasks, pages
and CPUs, then operands.  Every attempt keeps the rules of the interface, or a correct kernel would
fail as well.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from harness.fuzz.legal_part import legal_part, without
from harness.fuzz.simpler_operands import simpler_programs
from harness.model.records.layout import Layout
from harness.model.records.operation import OPERATIONS, Base, OpCode, Operation
from harness.scenario.program import Program

Fails = Callable[[Program], int]
"""The number of operations after which a program fails, 0 if it does not."""

_MARGINS: Final = (0, 8, 64, 512)
"""Operations that stay behind the one that failed: others may have been on their way to it."""

ATTEMPTS = 600


class _Search:
    """The best program so far, and how many attempts are left."""

    def __init__(self, program: Program, layout: Layout, fails: Fails, attempts: int) -> None:
        self.best, self.layout, self.left = program, layout, attempts
        self._fails = fails
        self._tried = {_size(program)}
        self.end = len(program.operations)
        """Operations of the best program up to its failure."""

    def better(self, candidate: Program) -> bool:
        """Tell whether *candidate*, made legal, fails as well; it is the best program then."""
        legal = legal_part(candidate, self.layout)
        if not legal.operations or _size(legal) in self._tried or not self.left:
            return False
        self._tried.add(_size(legal))
        self.left -= 1
        end = self._fails(legal)
        if end:
            self.best, self.end = legal, end
        return end > 0


def shrunk(
    program: Program, layout: Layout, fails: Fails, attempts: int = ATTEMPTS, *, end: int = 0
) -> Program:
    """The smallest program found that *fails* as *program* does, in at most *attempts* runs.

    *end* is the number of operations after which *program* fails, if that is known.
    """
    search = _Search(program, layout, fails, attempts)
    search.end = end or search.end
    size = None
    while search.left and size != _size(search.best):
        size = _size(search.best)
        _no_tail(search)
        _fewer_operations(search)
        _fewer_pairs(search)
        _simpler(search)
    return search.best


def _size(program: Program) -> tuple[object, ...]:
    return program.operations, program.tasks, program.pools


def _no_tail(search: _Search) -> None:
    """Take out what comes after the failure."""
    for margin in _MARGINS:
        count = len(search.best.operations)
        if search.end + margin >= count:
            return
        if search.better(without(search.best, range(search.end + margin, count))):
            return


def _fewer_operations(search: _Search) -> None:
    """Take pieces out, each half as large as before, until no single operation can go."""
    length = max(len(search.best.operations) // 2, 1)
    while length:
        while search.left and any(search.better(one) for one in _shorter(search.best, length)):
            _no_tail(search)
        length //= 2


def _fewer_pairs(search: _Search) -> None:
    """Take a mapping out with its unmapping: neither may be able to go alone."""
    while search.left and any(
        search.better(without(search.best, pair)) for pair in _pairs(search.best)
    ):
        pass


def _pairs(program: Program) -> Iterator[tuple[int, int]]:
    """Operations that map, each with every later one that may undo it."""
    for last, end in enumerate(program.operations):
        for first, begin in enumerate(program.operations[:last]):
            if OPERATIONS[begin.code].unmap is end.code and _fit(begin, end):
                yield first, last


def _fit(begin: Operation, end: Operation) -> bool:
    """Tell whether both are about one mapping: kunmap() names the page, the others the address."""
    if end.code is OpCode.KUNMAP:
        return begin.page == end.page
    return end.base is Base.REG and begin.reg == end.reg


def _shorter(program: Program, length: int) -> Iterator[Program]:
    """*program* without each piece of *length* operations, the last piece first."""
    count = len(program.operations)
    for end in range(count, 0, -length):
        yield without(program, range(max(end - length, 0), end))


def _simpler(search: _Search) -> None:
    while search.left and any(search.better(one) for one in simpler_programs(search.best)):
        pass


def renamed(program: Program, name: str, title: str) -> Program:
    """*program* as a finding has it."""
    return replace(program, name=name, title=title)
