"""Keeps the divergences of one program, and what becomes known of them later."""

import dataclasses
from typing import Final

from harness.compare.divergence import Divergence, ProgramResult
from harness.compare.witness_verdict import witnessed_disagreements
from harness.trace.trace_records import Sync, Trouble

RECORDED_MOST: Final = 100
"""Divergences that one program keeps where the judge can go on from each.

The judge counts those beyond, and asks the witnesses as often as in a program without any.
"""


class DivergenceLog:
    """Adds divergences to the *result* of a program; the witnesses comment on them at syncs."""

    def __init__(self, result: ProgramResult) -> None:
        self._result = result
        self._asked = 0
        """So many divergences need no witness any more."""

    def add(self, divergence: Divergence) -> None:
        """Keep *divergence*, of which the next synchronisation point may tell more."""
        self._result.divergences.append(divergence)

    def add_of_state(self, divergence: Divergence) -> None:
        """Keep *divergence*, which is of a whole state: the witnesses were asked already."""
        self.add(divergence)
        self._asked += 1

    def add_if_few(self, divergence: Divergence) -> bool:
        """Keep *divergence*, or count it where RECORDED_MOST are kept; True where it was kept."""
        if len(self._result.divergences) >= RECORDED_MOST:
            self._result.unrecorded += 1
            return False
        self.add(divergence)
        return True

    def ask_witnesses(self, record: Sync) -> None:
        """Find out who stands alone in the divergences since the last synchronisation point."""
        kept = self._result.divergences
        if record.snapshot is not None and record.witness is not None:
            for number in range(self._asked, len(kept)):
                found = witnessed_disagreements(kept[number], record.snapshot, record.witness)
                kept[number] = dataclasses.replace(kept[number], witnesses=found)
        self._asked = len(kept)

    def add_trouble(self, record: Trouble) -> None:
        """Keep what the kernel said, also with the divergence of the same step."""
        self._result.trouble.append(record)
        kept = self._result.divergences
        if kept and kept[-1].step == record.step:
            trouble = (*kept[-1].trouble, record)
            kept[-1] = dataclasses.replace(kept[-1], trouble=trouble)
