"""The criteria of a judge: evidence, known bugs and contract."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from harness.compare.evidence_mask import EvidenceMask
from harness.compare.known_bugs import KernelBugs
from harness.compare.plausibility import (
    LostEvidence,
    implausible,
    proves_counts,
    shows_counts,
)
from harness.model.contract import contract
from harness.model.fast.fast_path import allowed
from harness.model.records.machine import Machine
from harness.model.records.observation import Observation
from harness.model.records.operation import Operation
from harness.model.records.state import State
from harness.trace.trace_records import Step

ContractCheck = Callable[[Machine, State, Operation, Observation], tuple[str, ...]]
"""Returns what an observation breaks of the contract; empty where it is kept."""


class Criteria(NamedTuple):
    """The criteria of a judge: the guest's evidence, its kernel's known bugs, the contract.

    ``lost`` is evidence that was found to be none, and why; ``counts_proven``: programs before
    this one have shown that ``pkmap_count`` is what it was taken for.
    """

    mask: EvidenceMask
    known: KernelBugs
    contract: ContractCheck
    lost: tuple[LostEvidence, ...] = ()
    counts_proven: bool = False

    def without(self, lost: LostEvidence) -> "Criteria":
        """The criteria without evidence that is none: the contract is judged by the rest."""
        mask = self.mask.without(lost.names)
        return self._replace(mask=mask, contract=standard_contract(mask), lost=(*self.lost, lost))

    def after(
        self, machine: Machine, before: State, record: Step, rules: Iterable[str]
    ) -> "Criteria":
        """The criteria after a step that no outcome explains; *rules*: branches seen so far.

        Nothing is lost, unless the step shows that evidence is none.
        """
        proven = self.counts_proven or any(map(proves_counts, rules))
        found = implausible(machine, before, record.operation, record.observation, proven=proven)
        shown = shows_counts(machine, before, record.operation, record.observation)
        criteria = self._replace(counts_proven=proven or shown)
        for lost in found:
            if not lost.names.issubset(criteria.mask.blanked):
                criteria = criteria.without(lost)
        return criteria


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
