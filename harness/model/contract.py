"""The contract: what any correct kernel keeps, whatever its slots, cursor and flush calls.

``check`` judges one step from the state before it and what was seen.  It knows nothing of scan
order, of when unused slots are flushed, or of which flush function is called; a kernel
that flushes eagerly, in batches, or scans otherwise satisfies it.
"""

from harness.model import contract_pkmap, contract_typed, contract_window
from harness.model.layout import Generation
from harness.model.machine import Machine
from harness.model.observation import Observation
from harness.model.operation import Operation
from harness.model.state import State
from harness.model.violation import Violation, view

RULES = {
    Generation.TYPED: (*contract_pkmap.RULES, *contract_window.PLACE_RULES, *contract_typed.RULES),
    Generation.STACK: (*contract_pkmap.RULES, *contract_window.RULES, *contract_typed.RULES),
    Generation.LOCAL: (*contract_pkmap.RULES, *contract_window.RULES, *contract_typed.RULES),
}


def check(
    machine: Machine, before: State, op: Operation, seen: Observation, *, blind: frozenset[str] = frozenset()
) -> tuple[Violation, ...]:
    """Violations of the contract in one step; empty where it is kept."""
    step = view(machine, before, op, seen, blind=blind)
    found: list[Violation] = []
    for rule in RULES[machine.layout.generation]:
        if "slots" not in blind or rule not in contract_pkmap.NEED_SLOTS:
            found += rule(step)
    return tuple(found)
