"""Reasons why a step that is none of the outcomes allowed is no divergence."""

from collections import Counter
from functools import partial

from harness.compare.evidence_mask import EvidenceMask
from harness.compare.foreign_users import See, explain_with_others
from harness.compare.kernel_users import explain_with_processes
from harness.compare.known_bugs import KernelBugs
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation
from harness.model.records.operation import OpCode, Operation
from harness.model.records.outcome import Outcome, differences
from harness.model.records.state import State
from harness.model.rules.step import step


def by_others(
    before: tuple[Machine, tuple[State, ...]],
    operation: Operation,
    seen: Observation,
    mask: EvidenceMask,
    foreign: Counter[str],
) -> tuple[Outcome, ...]:
    """The outcome with which changes of other users explain *seen*, if there is one.

    *before*: the machine, and the states that are possible; *foreign* counts their changes.
    """
    machine, states = before
    for state in states:
        see = partial(mask.apply, before=state)
        if operation.code is OpCode.WORKLOAD:
            return _by_processes(machine, state, operation, seen, see)
        found = explain_with_others(machine, state, operation, seen, see)
        if found:
            foreign["pkmap slots"] += found.slots
            foreign["window entries"] += found.windows
            return (found.outcome,)
    return ()


def _by_processes(
    machine: Machine, state: State, operation: Operation, seen: Observation, see: See
) -> tuple[Outcome, ...]:
    """The outcome with what the kernel's own users have left in pkmap meanwhile."""
    for one in step(machine, state, operation):
        masked = one._replace(observation=see(one.observation))
        if found := explain_with_processes(machine, state, masked, seen):
            return (found,)
    return ()


def cured(
    known: KernelBugs,
    outcomes: tuple[Outcome, ...],
    seen: Observation,
    vanished: Counter[str],
) -> Outcome | None:
    """The outcome of which the bug was due and the right answer came instead, or None.

    A bug that is known of this kernel is counted as vanished: its entry may end.
    """
    for outcome in outcomes:
        if outcome.known and known.cured(outcome.known, seen, differences(outcome, seen)):
            if outcome.known in known.counted:
                vanished[outcome.known] += 1
            return outcome._replace(known=None)
    return None
