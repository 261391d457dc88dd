"""A second oracle for the persistent map, in closed form over plain lists.

Written independently of the rules in ``pkmap.py`` and sharing no code with them, to be
compared with them on random programs.  It answers from the *history* of a slot rather than
from a scan: where the cursor stands, which slots are free, which are unused.
"""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Answer:
    """What one kmap or kunmap of the oracle does.  ``slot`` is -1 for one that has to sleep."""

    slot: int
    scans: int = 0
    ranges: int = 0
    wakes: int = 0
    bug: bool = False


@dataclass(slots=True)
class PkmapOracle:
    """``size`` slots; those that are not clean have a ``page``, and a number of its ``users``."""

    size: int
    cursor: int = 0
    users: dict[int, int] = field(default_factory=dict)
    page: dict[int, int] = field(default_factory=dict)
    sleepers: int = 0

    def slot_of(self, page: int) -> int:
        """Slot that maps *page*, used or not, or -1."""
        return next((slot for slot, mapped in self.page.items() if mapped == page), -1)

    def _forget_unused(self) -> int:
        unused = [slot for slot, users in self.users.items() if not users]
        for slot in unused:
            del self.users[slot]
            del self.page[slot]
        return 1 if unused else 0

    def kmap(self, page: int) -> Answer:
        """Map *page* for one more user."""
        slot = self.slot_of(page)
        if slot >= 0:
            self.users[slot] += 1
            return Answer(slot)
        later = [at for at in range(self.cursor + 1, self.size) if at not in self.users]
        scans = ranges = 0
        if not later:
            scans, ranges = 1, self._forget_unused()
            later = [at for at in range(self.size) if at not in self.users]
        if not later:
            self.cursor = self.size - 1
            return Answer(-1, scans, ranges)
        self.cursor = slot = later[0]
        self.users[slot], self.page[slot] = 1, page
        return Answer(slot, scans, ranges)

    def kunmap(self, page: int) -> Answer:
        """One user of *page* less."""
        slot = self.slot_of(page)
        if not self.users.get(slot):
            return Answer(slot, bug=True)
        self.users[slot] -= 1
        return Answer(slot, wakes=1 if self.sleepers and not self.users[slot] else 0)

    def flush_unused(self) -> Answer:
        """Forget what nobody uses."""
        return Answer(-1, 1, self._forget_unused())

    def counts(self) -> tuple[int, ...]:
        """``pkmap_count``."""
        return tuple(
            self.users[slot] + 1 if slot in self.users else 0 for slot in range(self.size)
        )
