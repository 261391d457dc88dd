"""A patch as a record: what it is called, who says so, and its diff."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch.  ``origin`` is where it was read from, for people; ``diff`` is what is applied.

    ``subject``, ``author`` and ``message_id`` are empty for a bare diff.
    """

    origin: str
    diff: bytes
    subject: str = ""
    author: str = ""
    message_id: str = ""

    @property
    def title(self) -> str:
        """How a report names it."""
        return self.subject or self.origin
