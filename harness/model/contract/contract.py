"""The contract: what any correct kernel keeps, whatever its slots, cursor and flush calls.

``check`` judges one step from the state before it and what was seen.  It knows nothing of scan
order, of when unused slots are flushed, or of which flush function is called; a kernel
that flushes eagerly, in batches, or scans otherwise satisfies it.
"""

from harness.model.contract import (
    contract_flush,
    contract_helper,
    contract_instant,
    contract_outside,
    contract_own,
    contract_pkmap,
    contract_typed,
    contract_window,
    contract_workload,
)
from harness.model.contract.seen_state import state_as_seen
from harness.model.contract.view import View, Violation
from harness.model.records.layout import Generation
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation, Status
from harness.model.records.operation import Operation
from harness.model.records.outcome import Outcome
from harness.model.records.state import State
from harness.model.rules.refusal import senseless

_PAGES = (*contract_pkmap.RULES, *contract_own.RULES, *contract_flush.RULES)
_INTERRUPTED = (
    *_PAGES,
    *contract_window.RULES,
    *contract_typed.RULES,
    *contract_outside.RULES,
    *contract_helper.RULES,
    *contract_workload.RULES,
    *contract_instant.RULES,
)

RULES = {
    Generation.TYPED: (*_PAGES, *contract_window.PLACE_RULES, *contract_typed.RULES),
    Generation.STACK: _INTERRUPTED,
    Generation.LOCAL: _INTERRUPTED,
}

_TURNED_DOWN = (Status.REFUSED, Status.NOT_APPLICABLE)


def check(
    machine: Machine,
    before: State,
    op: Operation,
    seen: Observation,
    expected: tuple[Outcome, ...],
    *,
    blind: frozenset[str] = frozenset(),
) -> tuple[Violation, ...]:
    """Violations of the contract in one step; empty where it is kept.

    *expected* are the outcomes that the rules allow (``rules.step.step``).  Three things are taken
    from them: how the operation may end (whether it is refused, or must be a BUG), which data
    a load may see, and of the state after the step what no observation shows.
    """
    if senseless(machine, before, op):
        detail = f"{op.code.name} with operands that are not there ended {seen.status.name}"
        return () if seen.status in _TURNED_DOWN else (Violation("ending", detail),)
    if not 0 <= seen.cpu < machine.layout.online_cpus:
        return (Violation("cpu", f"{op.code.name} ran on CPU {seen.cpu}, which is not there"),)
    after = state_as_seen(machine, before, op, seen, expected)
    allowed = tuple(outcome.observation for outcome in expected)
    step = View(machine, before, after, op, seen, allowed, blind)
    found: list[Violation] = []
    for rule in RULES[machine.layout.generation]:
        found += rule(step)
    return tuple(found)
