"""The criteria of a judge: evidence, known bugs and contract."""

from collections.abc import Callable
from typing import NamedTuple

from harness.compare.evidence_mask import EvidenceMask
from harness.compare.known_bugs import KernelBugs
from harness.model.contract import contract
from harness.model.fast.fast_path import allowed
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation
from harness.model.records.operation import Operation
from harness.model.records.state import State

ContractCheck = Callable[[Machine, State, Operation, Observation], tuple[str, ...]]
"""Returns what an observation breaks of the contract; empty where it is kept."""


class Criteria(NamedTuple):
    """What a judge judges by: the guest's evidence, its kernel's known bugs, the contract."""

    mask: EvidenceMask
    known: KernelBugs
    contract: ContractCheck


def standard_contract(mask: EvidenceMask) -> ContractCheck:
    """The model's contract, blind for what *mask* blanks; each violation as ``rule: detail``."""
    blind = frozenset(mask.blanked)

    def check(
        machine: Machine, before: State, op: Operation, seen: Observation
    ) -> tuple[str, ...]:
        expected = allowed(machine, before, op)
        found = contract.check(machine, before, op, seen, expected, blind=blind)
        return tuple(f"{one.rule}: {one.detail}" for one in found)

    return check
