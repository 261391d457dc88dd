"""Abstract programs: what tasks do with pages, in words that every generation can be asked in.

A page is mapped *persistently*, *atomically* (with a type, which some generations need) or
*locally*; it is read, written and unmapped; tasks sleep and are interrupted.
``abstract_lowering.py`` turns the same program into the operations of one kernel or of the
module's typed window, and leaves out what that one lacks.
"""

from dataclasses import dataclass
from enum import Enum
from random import Random
from typing import Final, NamedTuple

from harness.model.records.km_type import KM_TYPES_2_6_32
from harness.model.records.page import PageKind

TASKS: Final = tuple(number % 4 for number in range(8))
"""CPU of each task; a guest with fewer has them modulo its number."""

POOLS: Final = ((PageKind.HIGH, 600), (PageKind.LOW, 4), (PageKind.COLLIDING, 6))
MOST_HELD: Final = 320
"""Pages that are mapped persistently at a time: far fewer than the 512 slots of a PAE kernel."""

MOST_LOCAL: Final = 5
MOST_ATOMIC: Final = 6
"""Nested mappings of a task: with two more in an interrupt they fit into every window there is."""


class Verb(Enum):
    """The kind of an act; all but MAP and UNMAP have the word of the operation that does it."""

    MAP = "map"
    UNMAP = "unmap"
    READ = "read"
    WRITE = "write"
    LOOK = "page_address"
    SLEEP = "sleep"
    YIELD = "yield"
    FLUSH = "flush_unused"
    HARDIRQ = "hardirq"
    SOFTIRQ = "softirq"


_HOT: Final = 24
"""Pages that are taken again and again, so that most of what is read was written before."""

_OFFSETS: Final = (0, 4, 2048, 4092)
_RESTS: Final = (Verb.LOOK, Verb.SLEEP, Verb.YIELD, Verb.FLUSH)


class MappingWay(Enum):
    """How a page is mapped."""

    PERSISTENT = "persistent"
    ATOMIC = "atomic"
    LOCAL = "local"


class Act(NamedTuple):
    """One act of one task.

    ``mapping`` names the mapping that MAP makes and others use; ``kind`` is the number of its
    ``km_type``; ``value`` is a datum, microseconds, or the number of the task's next acts that an
    interrupt does.
    """

    verb: Verb
    task: int
    mapping: int = -1
    way: MappingWay = MappingWay.PERSISTENT
    page: int = -1
    kind: int = 0
    offset: int = 0
    value: int = 0


class AbstractMapping(NamedTuple):
    """A live mapping of the program."""

    number: int
    page: int
    kind: int = 0


@dataclass(frozen=True, slots=True)
class AbstractProgram:
    """A sequence of acts; every mapping made is undone, windows newest first."""

    name: str
    acts: tuple[Act, ...]


def invent(rng: Random, length: int, *, name: str) -> AbstractProgram:
    """A random program of at least *length* acts; the state of *rng* decides all of it."""
    author = _Author(rng)
    while len(author.acts) < length:
        author.episode()
    author.drain()
    return AbstractProgram(name, tuple(author.acts))


class _Author:
    """Writes acts, and knows what is mapped."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.acts: list[Act] = []
        self.held: list[AbstractMapping] = []
        self.local: list[list[AbstractMapping]] = [[] for _ in TASKS]
        self._number = 0
        kinds = [kind for kind, count in POOLS for _ in range(count)]
        self._low = [page for page, kind in enumerate(kinds) if kind is PageKind.LOW]
        self._high = [page for page, kind in enumerate(kinds) if kind is not PageKind.LOW]

    def episode(self) -> None:
        """One random stretch of one task, or of several that are atomic at the same time."""
        task, dice = self.rng.randrange(len(TASKS)), self.rng.random()
        if dice < 0.5:
            for _ in range(self.rng.randint(1, 8)):
                (self._persistent if dice < 0.25 else self._local)(task)
        elif dice < 0.8:
            self._sections()
        elif dice < 0.9:
            self._turn(task)
        else:
            self._rest(task)

    def drain(self) -> None:
        """Undo everything."""
        for task, stack in enumerate(self.local):
            while stack:
                self.acts.append(self._undo(task, stack.pop(), MappingWay.LOCAL))
        for mapping in self.held:
            self.acts.append(
                self._undo(self.rng.randrange(len(TASKS)), mapping, MappingWay.PERSISTENT)
            )
        self.held.clear()

    def _mapping(self, kind: int = 0) -> AbstractMapping:
        (pages,) = self.rng.choices((self._low, self._high[:_HOT], self._high), (1, 5, 4))
        page = self.rng.choice(pages)
        self._number += 1
        return AbstractMapping(self._number, page, kind)

    def _make(self, task: int, mapping: AbstractMapping, way: MappingWay) -> Act:
        return Act(Verb.MAP, task, mapping.number, way, mapping.page, mapping.kind)

    def _undo(self, task: int, mapping: AbstractMapping, way: MappingWay) -> Act:
        return Act(Verb.UNMAP, task, mapping.number, way, mapping.page, mapping.kind)

    def _touch(self, task: int, mapping: AbstractMapping) -> list[Act]:
        """A word read, and often written before."""
        offset, value = self.rng.choice(_OFFSETS), self.rng.getrandbits(32)
        read = Act(Verb.READ, task, mapping.number, page=mapping.page, offset=offset)
        write = read._replace(verb=Verb.WRITE, value=value)
        return [write, read] if self.rng.random() < 0.6 else [read]

    def _persistent(self, task: int) -> None:
        if len(self.held) < MOST_HELD and self.rng.random() < 0.55:
            mapping = self._mapping()
            self.held.append(mapping)
            self.acts.append(self._make(task, mapping, MappingWay.PERSISTENT))
        elif self.held and self.rng.random() < 0.6:
            mapping = self.held.pop(self.rng.randrange(len(self.held)))
            self.acts.append(self._undo(task, mapping, MappingWay.PERSISTENT))
        elif self.held:
            self.acts += self._touch(task, self.rng.choice(self.held))

    def _local(self, task: int) -> None:
        stack, dice = self.local[task], self.rng.random()
        if len(stack) < MOST_LOCAL and dice < 0.45:
            stack.append(self._mapping())
            self.acts.append(self._make(task, stack[-1], MappingWay.LOCAL))
        elif stack and dice < 0.75:
            self.acts += self._touch(task, self.rng.choice(stack))
        elif stack:
            self.acts.append(self._undo(task, stack.pop(), MappingWay.LOCAL))

    def _turn(self, task: int) -> None:
        """Map and release pages one by one: the cursor moves on, and slots stay behind unused."""
        for _ in range(self.rng.randint(1, 20)):
            mapping = self._mapping()
            touched = self._touch(task, mapping) if self.rng.random() < 0.3 else []
            made = self._make(task, mapping, MappingWay.PERSISTENT)
            self.acts += [made, *touched, self._undo(task, mapping, MappingWay.PERSISTENT)]

    def _rest(self, task: int) -> None:
        (verb,) = self.rng.choices(_RESTS, (6, 4, 3, 1))
        page = self.rng.choice(self._high) if verb is Verb.LOOK else -1
        self.acts.append(Act(verb, task, page=page, value=self.rng.choice((50, 200, 1000))))

    def _sections(self) -> None:
        """Atomic sections of tasks on different CPUs, their acts mixed."""
        tasks = self.rng.sample(range(4), self.rng.choice((1, 1, 1, 1, 2, 3)))
        waiting = [self._section(task + 4 * self.rng.randrange(2)) for task in tasks]
        while waiting:
            steps = self.rng.choice(waiting)
            self.acts += steps.pop(0)
            waiting = [one for one in waiting if one]

    def _section(self, task: int) -> list[list[Act]]:
        """One section of nested mappings of different types; others may act between its steps."""
        kinds = self.rng.sample(range(len(KM_TYPES_2_6_32)), self.rng.randint(1, MOST_ATOMIC) + 2)
        steps: list[list[Act]] = []
        stack: list[AbstractMapping] = []
        for kind in kinds[:-2]:
            stack.append(self._mapping(kind))
            steps += [
                [self._make(task, stack[-1], MappingWay.ATOMIC)],
                self._touch(task, self.rng.choice(stack)),
            ]
        if self.rng.random() < 0.25:
            steps.append(self._interrupt(task, kinds[-2:]))
        while stack:
            steps += self._end(task, stack.pop())
        return steps

    def _end(self, task: int, mapping: AbstractMapping) -> list[list[Act]]:
        """Read and undo the newest mapping; sometimes map another page with its type at once."""
        steps = [self._touch(task, mapping), [self._undo(task, mapping, MappingWay.ATOMIC)]]
        if self.rng.random() < 0.7:
            return steps
        again = self._mapping(mapping.kind)
        return [*steps, [self._make(task, again, MappingWay.ATOMIC)], *self._end(task, again)]

    def _interrupt(self, task: int, kinds: list[int]) -> list[Act]:
        """An interrupt that maps, touches and unmaps; nobody comes between."""
        body: list[Act] = []
        stack = [self._mapping(kind) for kind in kinds[: self.rng.randint(1, 2)]]
        for mapping in stack:
            body += [self._make(task, mapping, MappingWay.ATOMIC), *self._touch(task, mapping)]
        for mapping in reversed(stack):
            body += [*self._touch(task, mapping), self._undo(task, mapping, MappingWay.ATOMIC)]
        return [Act(self.rng.choice((Verb.HARDIRQ, Verb.SOFTIRQ)), task, value=len(body)), *body]
