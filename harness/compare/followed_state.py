"""The state of a kernel that the model did not predict: as its steps or a snapshot show it."""

from collections.abc import Iterable
from typing import Final

from harness.compare.evidence_mask import EvidenceMask, uncounted
from harness.compare.witness_comparison import disagreements
from harness.model.contract.seen_state import state_as_seen
from harness.model.fast.fast_path import allowed
from harness.model.records import vector
from harness.model.records.layout import same_translation
from harness.model.records.machine import Machine
from harness.model.records.observation import Snapshot, Status
from harness.model.records.outcome import Outcome
from harness.model.records.snapshots import resync
from harness.model.records.state import State
from harness.trace.trace_records import Step, Sync

_ENDINGS: Final = frozenset({Status.DIED, Status.STUCK, Status.REFUSED})


def can_follow(mask: EvidenceMask, before: State, record: Step) -> bool:
    """Tell whether the contract can be judged from the state to which other behaviour has led."""
    return mask.followable and record.observation.status not in _ENDINGS and not before.lost


def distinct_states(outcomes: Iterable[Outcome]) -> tuple[State, ...]:
    """The states of *outcomes*, each once, in their order."""
    distinct: list[State] = []
    for outcome in outcomes:
        if outcome.state not in distinct:
            distinct.append(outcome.state)
    return tuple(distinct)


def state_after(machine: Machine, mask: EvidenceMask, before: State, record: Step) -> State:
    """The state after a step as the step was seen.

    A cursor that this guest cannot show is taken to stand at the slot that was taken last.
    """
    seen = record.observation
    if "counts" in mask.blanked:
        seen = seen._replace(slots=uncounted(seen.slots, before))
    if "cursor" in mask.blanked:
        taken = [
            one.slot
            for one in seen.slots
            if one.pte not in {0, vector.get(before.slots, one.slot).pte}
        ]
        seen = seen._replace(cursor=taken[-1] if taken else before.cursor)
    expected = allowed(machine, before, record.operation)
    return state_as_seen(machine, before, record.operation, seen, expected)


def state_at_sync(
    machine: Machine, mask: EvidenceMask, last: State, record: Sync, *, followed: bool
) -> State | None:
    """The state that a synchronisation point shows, if inside and outside view agree on it.

    *last* is the last state that was known: it has what the snapshot cannot show.  Where every
    step since was *followed*, it has the users of our pages too, whatever the kernel has counted.
    """
    if record.snapshot is None:
        return None
    if disagreements(machine, None, record.snapshot, record.witness):
        return None
    counts = {slot: one.count for slot, one in enumerate(vector.items(last.slots)) if one.pte}
    seen = mask.completed(record.snapshot, last.cursor, counts)
    return resync(machine, last, _with_users(machine, last, seen) if followed else seen)


def _with_users(machine: Machine, last: State, seen: Snapshot) -> Snapshot:
    """*seen* with the users that the operations tell of our pages; others' are as counted."""
    held = vector.items(last.slots)
    counts = tuple(
        known.count if _ours(machine, pte) and same_translation(pte, known.pte) else count
        for known, pte, count in zip(held, seen.ptes, seen.counts, strict=True)
    )
    return seen._replace(counts=counts)


def _ours(machine: Machine, pte: int) -> bool:
    return bool(pte) and machine.page_of(pte) is not None
