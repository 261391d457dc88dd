"""What patches are applied to."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PatchBase:
    """What patches are applied to.  ``content`` names it by content; equal names, equal trees."""

    content: str
    words: str
    """For people: the commit and its subject, or the folder."""
    notes: tuple[str, ...] = ()
    revision: str = ""
    """What ``--base`` is given to name it again; empty for a plain folder."""
