"""What the contract's rules look at, and what they find."""

from typing import NamedTuple

from harness.model.contract.seen_state import absorb
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation
from harness.model.records.operation import Operation
from harness.model.records.state import State


class Violation(NamedTuple):
    """A broken rule of the contract: its name, and what was seen."""

    rule: str
    detail: str


class View(NamedTuple):
    """One step as the checks see it.  ``blind``: observation fields this guest has no evidence for."""

    machine: Machine
    before: State
    after: State
    op: Operation
    seen: Observation
    blind: frozenset[str]


def view(
    machine: Machine,
    before: State,
    op: Operation,
    seen: Observation,
    *,
    blind: frozenset[str] = frozenset(),
) -> View:
    """The step, with the state that it was seen to lead to."""
    return View(machine, before, absorb(machine, before, op, seen), op, seen, blind)
