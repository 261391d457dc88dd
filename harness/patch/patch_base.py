"""The base of a check."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PatchBase:
    """The source that patches are applied to; bases with equal ``content`` are equal."""

    content: str
    words: str
    """The commit and its subject, or the folder, for reports."""
    notes: tuple[str, ...] = ()
    revision: str = ""
    """The argument of ``--base`` that names it; empty for a plain folder."""
