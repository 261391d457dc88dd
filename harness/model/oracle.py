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
    """``size`` slots; ``users[slot]`` is None (clean), or the number of users of ``page[slot]``."""

    size: int
    cursor: int = 0
    users: list[int | None] = field(default_factory=list)
    page: list[int] = field(default_factory=list)
    sleepers: int = 0

    def __post_init__(self) -> None:
        """All slots clean."""
        self.users = [None] * self.size
        self.page = [-1] * self.size

    def slot_of(self, page: int) -> int:
        """Slot that maps *page*, used or not, or -1."""
        for slot in range(self.size):
            if self.users[slot] is not None and self.page[slot] == page:
                return slot
        return -1

    def _forget_unused(self) -> int:
        unused = [slot for slot in range(self.size) if self.users[slot] == 0]
        for slot in unused:
            self.users[slot] = None
            self.page[slot] = -1
        return 1 if unused else 0

    def kmap(self, page: int) -> Answer:
        """Map *page* for one more user."""
        slot = self.slot_of(page)
        if slot >= 0:
            self.users[slot] = (self.users[slot] or 0) + 1
            return Answer(slot)
        later = [at for at in range(self.cursor + 1, self.size) if self.users[at] is None]
        scans = ranges = 0
        if not later:
            scans, ranges = 1, self._forget_unused()
            later = [at for at in range(self.size) if self.users[at] is None]
        if not later:
            self.cursor = self.size - 1
            return Answer(-1, scans, ranges)
        self.cursor = slot = later[0]
        self.users[slot], self.page[slot] = 1, page
        return Answer(slot, scans, ranges)

    def kunmap(self, page: int) -> Answer:
        """One user of *page* less."""
        slot = self.slot_of(page)
        users = self.users[slot] if slot >= 0 else None
        if not users:
            return Answer(slot, bug=True)
        self.users[slot] = users - 1
        return Answer(slot, wakes=1 if users == 1 and self.sleepers else 0)

    def flush_unused(self) -> Answer:
        """Forget what nobody uses."""
        return Answer(-1, 1, self._forget_unused())

    def counts(self) -> tuple[int, ...]:
        """``pkmap_count``."""
        return tuple(0 if users is None else users + 1 for users in self.users)
