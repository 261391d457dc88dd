"""Blanks the evidence that a guest lacks, on both sides, before they are compared."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from harness.model.records.observation import Observation, Snapshot

# kmod/protocol.h, KMH_EV_*: the fields of an observation that rest on each.
FIELDS: Final = {
    1 << 0: ("slots",),
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
COUNTS: Final = 1 << 0
FULL: Final = sum(FIELDS)
UNNEEDED: Final = frozenset(
    name for bit, names in FIELDS.items() if bit not in (COUNTS, 1 << 10) for name in names
)
"""Fields without which the state after a step can still be followed (``followed_state.py``).

They are calls of functions; the cursor, which stands where the last slot was taken; and counts
that some kernels do not have (5.10 without PREEMPT_COUNT, ``migration_disabled`` before 5.11).
"""


@dataclass(frozen=True, slots=True)
class EvidenceMask:
    """Blanks of one evidence mask; ``full`` when there is nothing to blank, which costs nothing.

    Without COUNTS a change of a count alone cannot be seen, so that slots are not
    compared by step at all: PTE and address of the operation's own page still are.
    """

    blanked: tuple[str, ...]
    zeros: tuple[tuple[str, object], ...]

    def snapshot(self, seen: Snapshot) -> Snapshot:
        """*seen* without the counts that this guest cannot know: an empty view does not speak."""
        return seen._replace(counts=()) if "slots" in self.blanked else seen

    def completed(
        self, seen: Snapshot, cursor: int, counts: Mapping[int, int] | None = None
    ) -> Snapshot:
        """*seen* with *cursor* and *counts* (by slot) where this guest cannot show them.

        A slot without a known count stands at 1 if it has a PTE: nobody uses it between programs.
        """
        if "cursor" in self.blanked:
            seen = seen._replace(cursor=cursor)
        if "slots" not in self.blanked:
            return seen
        known = counts or {}
        return seen._replace(
            counts=tuple(
                (known.get(slot) or 1) if pte else 0 for slot, pte in enumerate(seen.ptes)
            )
        )

    @property
    def followable(self) -> bool:
        """Whether the state after any step can be followed: nothing beyond UNNEEDED is missing."""
        return UNNEEDED.issuperset(self.blanked)

    @property
    def full(self) -> bool:
        """Whether all evidence is there."""
        return not self.blanked

    def apply(self, seen: Observation) -> Observation:
        """*seen* without what this guest cannot know."""
        if not self.blanked:
            return seen
        return seen._replace(**dict(self.zeros))  # type: ignore[arg-type] # fields by name


def evidence_mask(evidence: int) -> EvidenceMask:
    """The mask of *evidence* (KMH_EV_*)."""
    blanked = tuple(name for bit, names in FIELDS.items() if not evidence & bit for name in names)
    return EvidenceMask(blanked, tuple((name, () if name == "slots" else 0) for name in blanked))
