"""Lowers abstract programs to operations of a kernel's generation or of the typed window.

The lowering leaves out ways of mapping that the target does not have, types that its era lacks,
and acts of a task whose CPU another task keeps in an atomic section (on a guest with fewer CPUs
than the program).  Everything that uses a mapping that was left out goes, too.  Each read that
stays carries the value that must be seen, computed from the writes that stay: this oracle knows
nothing of slots.
"""

from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from harness.model.records.km_type import ERA_SHIFT, TYPE_NR
from harness.model.records.layout import Generation
from harness.model.records.operation import NO_PAGE, OpCode, Operation
from harness.scenario.abstract_program import (
    POOLS,
    TASKS,
    AbstractProgram,
    Act,
    MappingWay,
    Verb,
    invent,
)
from harness.scenario.facts import Facts
from harness.scenario.ledger import WINDOW_REGISTERS, WINDOW_STRIDE, unmap_of
from harness.scenario.program import Assertion, Program
from harness.scenario.vocabulary import KIND_OF_WORD

ACTS: Final = 4_000
"""Acts of one abstract program: several programs meet several starts."""


class LoweringTarget(NamedTuple):
    """The target that a program is lowered for.

    ``maps`` has the operation of each way to map; ``era`` is that of its types, or -1.
    """

    name: str
    maps: dict[MappingWay, OpCode]
    era: int = -1


_PERSISTENT: Final = {MappingWay.PERSISTENT: OpCode.KMAP}
_ATOMIC: Final = {MappingWay.ATOMIC: OpCode.KMAP_ATOMIC}
_LOCAL: Final = {MappingWay.LOCAL: OpCode.KMAP_LOCAL}
_TYPED: Final = {MappingWay.ATOMIC: OpCode.TYPED_MAP}

TYPED_2_6_24: Final = LoweringTarget("typed-2.6.24", {**_PERSISTENT, **_TYPED}, 0)
TYPED_2_6_32: Final = LoweringTarget("typed-2.6.32", {**_PERSISTENT, **_TYPED}, 1)

_ACCESSES: Final = (Verb.READ, Verb.WRITE)
_INTERRUPTS: Final = (Verb.HARDIRQ, Verb.SOFTIRQ)


def targets(facts: Facts) -> tuple[LoweringTarget, ...]:
    """The targets of a guest with these *facts*: its generation, and two typed eras if it can."""
    generation = facts.layout.generation
    local = _LOCAL if generation is Generation.LOCAL else {}
    own = LoweringTarget(generation.value, {**_PERSISTENT, **_ATOMIC, **local})
    typed = (TYPED_2_6_24, TYPED_2_6_32) if facts.has(OpCode.TYPED_MAP) else ()
    return (own, *typed)


def lower_abstract(program: AbstractProgram, target: LoweringTarget, facts: Facts) -> Program:
    """*program* for *target* on a guest with these *facts*."""
    tasks = tuple(cpu % facts.layout.online_cpus for cpu in TASKS)
    lowering = _Lowering(target, tasks)
    for act in program.acts:
        lowering.add(act)
    lowering.operation(OpCode.NOP, 0)
    return Program(
        f"{program.name}-{target.name}",
        tasks,
        POOLS,
        tuple(lowering.operations),
        assertions=tuple(lowering.assertions),
    )


def abstract_programs(facts: Facts, seed: int, steps: int) -> Iterator[Program]:
    """Programs of *seed*, lowered for all targets, until each target has *steps* operations."""
    rng = Random(seed)
    left = {target.name: steps for target in targets(facts)}
    number = 0
    while max(left.values()) > 0:
        program = invent(Random(rng.getrandbits(64)), ACTS, name=f"abstract-{seed}-{number}")
        for target in targets(facts):
            lowered = lower_abstract(program, target, facts)
            left[target.name] -= len(lowered.operations)
            yield lowered
        number += 1


def _code(verb: Verb) -> OpCode:
    """The operation of a verb that maps nothing."""
    return KIND_OF_WORD[verb.value].code


class _Live(NamedTuple):
    """A mapping that was lowered: its register and page."""

    register: int
    page: int


class _Lowering:
    """The operations so far; what is mapped, who keeps a CPU, what the pages hold."""

    def __init__(self, target: LoweringTarget, tasks: tuple[int, ...]) -> None:
        self.operations: list[Operation] = []
        self.assertions: list[Assertion] = []
        self._target = target
        self._cpu = tasks
        self._live: dict[int, _Live] = {}
        self._windows = [0] * len(tasks)
        self._keeps = [0] * len(tasks)
        self._memory: dict[tuple[int, int], int] = {}
        self._interrupt = -1
        self._body = 0

    def add(self, act: Act) -> None:
        """Lower one act, or leave it out."""
        before = len(self.operations)
        if self._may_run(act.task):
            self._act(act)
        if self._body and act.verb not in _INTERRUPTS:
            self._end_of_act(len(self.operations) - before)

    def operation(self, code: OpCode, task: int, **fields: int) -> None:
        """Append one operation."""
        self.operations.append(Operation(code, task=task, **fields))  # type: ignore[arg-type]

    def _act(self, act: Act) -> None:
        if act.verb is Verb.MAP:
            self._map(act)
        elif act.verb is Verb.UNMAP:
            self._unmap(act)
        elif act.verb in _ACCESSES:
            self._access(act)
        elif act.verb in _INTERRUPTS:
            self._interrupt, self._body = len(self.operations), act.value
            self.operation(_code(act.verb), act.task)
        else:
            page = act.page if act.page >= 0 else NO_PAGE
            self.operation(_code(act.verb), act.task, page=page, value=act.value)

    def _may_run(self, task: int) -> bool:
        cpu = self._cpu[task]
        return not any(
            kept and other != task and self._cpu[other] == cpu
            for other, kept in enumerate(self._keeps)
        )

    def _type(self, act: Act) -> int:
        """The ``km_type`` with its era; 0 where there are none."""
        return self._target.era << ERA_SHIFT | act.kind if self._target.era >= 0 else 0

    def _has(self, act: Act) -> bool:
        """Tell whether the target can map so."""
        era = self._target.era
        known = era < 0 or act.way is not MappingWay.ATOMIC or act.kind < TYPE_NR[era]
        return act.way in self._target.maps and known

    def _map(self, act: Act) -> None:
        if not self._has(act):
            return
        window = act.way is not MappingWay.PERSISTENT
        register = act.page
        if window:
            register = WINDOW_REGISTERS + act.task * WINDOW_STRIDE + self._windows[act.task]
        value = self._type(act) if act.way is MappingWay.ATOMIC else 0
        self.operation(
            self._target.maps[act.way], act.task, page=act.page, reg=register, value=value
        )
        self._live[act.mapping] = _Live(register, act.page)
        self._windows[act.task] += window
        self._keeps[act.task] += act.way is MappingWay.ATOMIC

    def _unmap(self, act: Act) -> None:
        live = self._live.pop(act.mapping, None)
        if live is None:
            return
        code, window = unmap_of(self._target.maps[act.way]), act.way is not MappingWay.PERSISTENT
        if window:
            value = self._type(act) if act.way is MappingWay.ATOMIC else 0
            self.operation(code, act.task, reg=live.register, value=value)
        else:
            self.operation(code, act.task, page=live.page)
        self._windows[act.task] -= window
        self._keeps[act.task] -= act.way is MappingWay.ATOMIC

    def _access(self, act: Act) -> None:
        live = self._live.get(act.mapping)
        if live is None:
            return
        place = (live.page, act.offset)
        if act.verb is Verb.WRITE:
            self._memory[place] = act.value
        else:
            want = self._memory.get(place, 0)
            self.assertions.append(
                Assertion(len(self.operations), "value", want, relative=False, line=0)
            )
        self.operation(
            _code(act.verb), act.task, reg=live.register, offset=act.offset, value=act.value
        )

    def _end_of_act(self, lowered: int) -> None:
        """End an act of an interrupt, whose first operation counts the others."""
        self._body -= 1
        head = self.operations[self._interrupt]
        self.operations[self._interrupt] = head._replace(value=head.value + lowered)
        if not self._body:
            if not self.operations[self._interrupt].value:
                self.operations.pop()
            self._interrupt = -1
