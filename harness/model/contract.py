"""The contract: what any correct kernel keeps, whatever its slots, cursor and flush calls.

``check`` judges one step from the state before it and what was seen.  It knows nothing of scan
order, of when unused slots are flushed, or of which flush function is called; a kernel
that flushes eagerly, in batches, or scans otherwise satisfies it.
"""

from harness.model import contract_instant, contract_outside, contract_pkmap, contract_typed, contract_window
from harness.model.layout import Generation
from harness.model.machine import Machine
from harness.model.observation import Observation
from harness.model.operation import Operation
from harness.model.state import State
from harness.model.violation import Violation, view

_ALL = (
    *contract_pkmap.RULES, *contract_window.RULES, *contract_typed.RULES, *contract_outside.RULES,
    contract_instant.interrupts,
)  # fmt: skip

RULES = {
    Generation.TYPED: (*contract_pkmap.RULES, *contract_window.PLACE_RULES, *contract_typed.RULES),
    Generation.STACK: _ALL,
    Generation.LOCAL: _ALL,
}


def check(
    machine: Machine, before: State, op: Operation, seen: Observation, *, blind: frozenset[str] = frozenset()
) -> tuple[Violation, ...]:
    """Violations of the contract in one step; empty where it is kept."""
    step = view(machine, before, op, seen, blind=blind)
    found: list[Violation] = []
    for rule in RULES[machine.layout.generation]:
        found += rule(step)
    return tuple(found)
