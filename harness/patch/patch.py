"""The record of a patch: its diff and, from a mail, its subject and author."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailHead:
    """The parts of a mail that a reply needs: addresses and the thread; a missing part is empty.

    ``author`` is one address, ``recipients`` those of To and Cc.
    """

    message_id: str
    author: str
    recipients: tuple[str, ...] = ()
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch.  ``origin`` names the file for reports; ``diff`` is the text that git applies.

    ``subject`` is empty and ``mail`` None for a bare diff.
    """

    origin: str
    diff: bytes
    subject: str = ""
    mail: MailHead | None = None

    @property
    def title(self) -> str:
        """The patch's name in reports."""
        return self.subject or self.origin
