"""Blanks the evidence that a guest lacks, on both sides, before they are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.model.records import vector
from harness.model.records.observation import UNCLAIMED, Observation, SlotChange, Snapshot
from harness.model.records.state import State
from harness.trace.trace_records import Sync

# kmod/protocol.h, KMH_EV_*: the fields of an observation that rest on each.
FIELDS: Final = {
    1 << 0: ("counts",),
    1 << 1: ("cursor",),
    1 << 2: ("waiters",),
    1 << 3: ("flush_scans",),
    1 << 4: ("flush_ranges", "flush_dirty", "flush_odd"),
    1 << 5: ("flush_cpus",),
    1 << 6: ("invlpgs", "invlpg_address"),
    1 << 7: ("wakes",),
    1 << 8: ("warns",),
    1 << 10: ("depth",),
    1 << 11: ("migrate",),
    1 << 12: ("preempt",),
    1 << 13: ("stale_address", "stale_reused", "stale_left"),
}
"""``counts`` is no field: it is the count in each change of a slot."""

COUNTS: Final = 1 << 0
DEPTH: Final = 1 << 10
FULL: Final = sum(FIELDS)
UNNEEDED: Final = frozenset(
    name for bit, names in FIELDS.items() if bit != DEPTH for name in names
)
"""Fields without which the state after a step can still be followed (``followed_state.py``).

They are calls of functions; the cursor, which stands where the last slot was taken; the users of
a slot, which the operations tell; and counts that some kernels do not have (5.10 without
PREEMPT_COUNT, ``migration_disabled`` before 5.11).
"""


@dataclass(frozen=True, slots=True)
class EvidenceMask:
    """Blanks of one evidence mask; ``full`` when there is nothing to blank, which costs nothing.

    Without ``counts`` the slots are compared by their PTEs and page addresses.
    """

    blanked: tuple[str, ...]

    def without(self, names: frozenset[str]) -> "EvidenceMask":
        """A mask that blanks *names* as well."""
        return EvidenceMask((*self.blanked, *sorted(names - set(self.blanked))))

    def sync(self, seen: Sync) -> Sync:
        """*seen* without the counts that this guest cannot know: an empty view does not speak."""
        if "counts" not in self.blanked:
            return seen
        snapshot = None if seen.snapshot is None else seen.snapshot._replace(counts=())
        witness = None if seen.witness is None else seen.witness._replace(counts=())
        return seen._replace(snapshot=snapshot, witness=witness)

    def completed(
        self, seen: Snapshot, cursor: int, counts: Mapping[int, int] | None = None
    ) -> Snapshot:
        """*seen* with *cursor* and *counts* (by slot) where this guest cannot show them.

        A slot without a known count stands at 1 if it has a PTE: nobody uses it between programs.
        """
        if "cursor" in self.blanked:
            seen = seen._replace(cursor=cursor)
        if "counts" not in self.blanked:
            return seen
        known = counts or {}
        return seen._replace(
            counts=tuple(
                (known.get(slot) or 1) if pte else 0 for slot, pte in enumerate(seen.ptes)
            )
        )

    @property
    def followable(self) -> bool:
        """Tell whether the state after any step can be followed: only UNNEEDED may be missing."""
        return UNNEEDED.issuperset(self.blanked)

    @property
    def full(self) -> bool:
        """Tell whether all evidence is there."""
        return not self.blanked

    def apply(self, seen: Observation, before: State) -> Observation:
        """*seen* without what this guest cannot know; *before*: the state before the step."""
        if not self.blanked:
            return seen
        blanks = {name: 0 for name in self.blanked if name != "counts"}
        if "counts" in self.blanked:
            seen = seen._replace(slots=uncounted(seen.slots, before))
        return seen._replace(**blanks)  # type: ignore[arg-type] # fields by name


def uncounted(slots: tuple[SlotChange, ...], before: State) -> tuple[SlotChange, ...]:
    """The changes of *slots* but for their counts: where only the count changes, nothing does."""
    return tuple(
        change._replace(count=UNCLAIMED)
        for change in slots
        if change.pte != vector.get(before.slots, change.slot).pte
    )


def evidence_mask(evidence: int) -> EvidenceMask:
    """The mask of *evidence* (KMH_EV_*)."""
    return EvidenceMask(
        tuple(name for bit, names in FIELDS.items() if not evidence & bit for name in names)
    )
