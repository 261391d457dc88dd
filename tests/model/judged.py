"""Steps judged: a program runs as the model says, its last step is seen otherwise, and a rule
says what it finds.
"""

from functools import cache
from typing import NamedTuple

from harness.model.contract import contract, seen_state
from harness.model.contract.view import View, Violation
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation, Status
from harness.model.records.operation import Operation
from harness.model.records.snapshots import empty_snapshot, initial
from harness.model.records.state import State
from harness.model.rules.step import step
from tests.model import render
from tests.model.kinds import of_kind


class Step(NamedTuple):
    """The last step of a program, as it was seen."""

    machine: Machine
    before: State
    op: Operation
    seen: Observation

    def but(self, **changes) -> "Step":
        """The step, seen otherwise."""
        return self._replace(seen=self.seen._replace(**changes))

    def after(self, **changes) -> "Step":
        """The step, in another state; ``tN`` gives fields of task N."""
        tasks = list(self.before.tasks)
        for name in [name for name in changes if name[0] == "t" and name[1:].isdigit()]:
            number = int(name[1:])
            tasks[number] = tasks[number]._replace(**changes.pop(name))
        return self._replace(before=self.before._replace(**{"tasks": tuple(tasks), **changes}))


@cache
def _start(kind: str) -> tuple[Machine, State]:
    machine = of_kind(kind)
    return machine, initial(machine, empty_snapshot(machine))


@cache
def run(kind: str, program: str) -> Step:
    """The last step of *program* (lines as in the book, with semicolons between), seen as the
    model says.
    """
    machine, state = _start(kind)
    *first, last = (render.read_operation(line) for line in program.split(";"))
    for op in first:
        state = step(machine, state, op)[0].state
    outcomes = step(machine, state, last)
    seen = outcomes[0].observation if outcomes else _SILENT
    return Step(machine, state, last, seen)


_SILENT = Observation(
    Status.OK, *(0,) * (len(Observation._fields) - len(Observation._field_defaults) - 1)
)
"""What is seen of a step that the model says nothing of."""


def check(
    machine: Machine,
    before: State,
    op: Operation,
    seen: Observation,
    *,
    blind: frozenset[str] = frozenset(),
) -> tuple[Violation, ...]:
    """What the contract finds, with what the rules expect."""
    return contract.check(machine, before, op, seen, step(machine, before, op), blind=blind)


def state_as_seen(machine: Machine, before: State, op: Operation, seen: Observation) -> State:
    """The state after a step as it was seen, with what the rules expect."""
    return seen_state.state_as_seen(machine, before, op, seen, step(machine, before, op))


def view(
    machine: Machine,
    before: State,
    op: Operation,
    seen: Observation,
    *,
    blind: frozenset[str] = frozenset(),
) -> View:
    """The step as the rules of the contract see it."""
    allowed = tuple(one.observation for one in step(machine, before, op))
    after = state_as_seen(machine, before, op, seen)
    return View(machine, before, after, op, seen, allowed, blind)


def found(rule, seen: Step, *blind: str, **after) -> list[str]:
    """Names of the violations that *rule* finds, in order; *after* changes the state after the
    step.
    """
    looked = view(*seen, blind=frozenset(blind))
    looked = looked._replace(after=looked.after._replace(**after))
    return [violation.rule for violation in rule(looked)]


def detail(rule, seen: Step) -> list[str]:
    """What *rule* says of each violation."""
    return [violation.detail for violation in rule(view(*seen))]
