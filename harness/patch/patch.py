"""The record of a patch: its diff and, from a mail, its subject and author."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch.  ``origin`` names the file for reports; ``diff`` is the text that git applies.

    ``subject``, ``author`` and ``message_id`` are empty for a bare diff.
    """

    origin: str
    diff: bytes
    subject: str = ""
    author: str = ""
    message_id: str = ""

    @property
    def title(self) -> str:
        """The patch's name in reports."""
        return self.subject or self.origin
