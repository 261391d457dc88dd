"""The list of known kernel bugs: data, in known_bugs.toml."""

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from harness.errors import UsageError

_RELEASE: Final = re.compile(r"(\d+)\.(\d+)")


@dataclass(frozen=True, slots=True)
class KnownBug:
    """One entry; ``first`` and ``last`` are (major, minor) of the kernels that have it."""

    id: str
    what: str
    first: tuple[int, int]
    last: tuple[int, int]
    generation: str
    config: str
    seen: str
    fields: frozenset[str]
    reference: str

    def in_release(self, release: str) -> bool:
        """Whether a kernel of *release* ("6.1.0-50-686-pae") is among those that have it."""
        return self.first <= version(release) <= self.last


def version(release: str) -> tuple[int, int]:
    """(major, minor) of a kernel release.  Raises UsageError where it has none."""
    found = _RELEASE.match(release)
    if not found:
        raise UsageError(
            f"{release!r} is no kernel release", hint="it begins with major.minor, like 6.1"
        )
    return int(found[1]), int(found[2])


def load_known_bugs(path: Path | None = None) -> dict[str, KnownBug]:
    """The entries of *path*, or of the list that comes with the harness, by id.

    Raises UsageError when the file is not such a list.
    """
    source = files("harness.compare").joinpath("known_bugs.toml") if path is None else path
    try:
        entries = tomllib.loads(source.read_text(encoding="utf-8"))["bug"]
        return {entry["id"]: _bug(entry) for entry in entries}
    except (tomllib.TOMLDecodeError, KeyError, ValueError, TypeError) as error:
        raise UsageError(
            f"{source}: not a list of known bugs: {error}", hint="see docs/scenarios.md"
        ) from error


def _bug(entry: dict[str, Any]) -> KnownBug:
    first, last = entry["versions"]
    return KnownBug(
        id=str(entry["id"]),
        what=str(entry["what"]),
        first=version(first),
        last=version(last),
        generation=str(entry["generation"]),
        config=str(entry["config"]),
        seen=str(entry["seen"]),
        fields=frozenset(entry["fields"]),
        reference=str(entry["reference"]),
    )
