"""A link's memory of its requests: answers that are not complete, and counts."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class LinkStatistics:
    """The traffic of the link.

    ``naks``, ``resends``, ``repeats`` and ``damaged`` count damage that was repaired.
    """

    requests: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    naks: int = 0
    resends: int = 0
    repeats: int = 0
    duplicates: int = 0
    damaged: int = 0
    skipped: int = 0

    @property
    def damage(self) -> int:
        """Damage in either direction: what arrived broken here, and what the agent reported."""
        return self.damaged + self.skipped + self.naks

    @property
    def repaired(self) -> int:
        """How often something had to be sent again."""
        return self.naks + self.resends


@dataclass(slots=True)
class PendingAnswer:
    """A request on its way: the bytes of its frame, and the parts of its answer so far."""

    data: bytes
    parts: dict[int, bytes] = field(default_factory=dict)
    total: int | None = None
    repairs: int = 0

    def complete(self) -> bool:
        """Tell whether all parts are there."""
        return self.total is not None and len(self.parts) == self.total

    def missing(self) -> int:
        """Return the number of the first part that is not there."""
        return next(number for number in range(len(self.parts) + 1) if number not in self.parts)
