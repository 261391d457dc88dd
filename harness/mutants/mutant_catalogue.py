"""The catalogue of mutants (tests/mutants): what each patch breaks, and what must be found."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from harness.base.toml_file import entries_of, read_toml
from harness.errors import UsageError

CATALOGUE = "catalogue.toml"
_SUFFIXES = (".cocci", ".diff")

_FIELDS = {
    "of",
    "kind",
    "files",
    "breaks",
    "reveals",
    "needs",
    "shape",
    "since",
    "until",
}

Version = tuple[int, ...]


class MutantKind(Enum):
    """The report that the catalogue expects for a mutant (docs/mutants.md)."""

    CONTRACT = "contract"
    PROBE = "probe"
    RACE = "race"
    """A contract that only some orders of steps break."""
    EQUIVALENT = "equivalent"
    HARMLESS = "harmless"
    OPERATOR = "operator"
    """Made by rule, not by hand (``operators``): nothing is expected of a single one."""


class CatalogueError(UsageError):
    """An entry of the catalogue is wrong."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            problem, hint="mend catalogue.toml: the comment at its head explains the keys"
        )


@dataclass(frozen=True, slots=True)
class Mutant:
    """One patch that puts a bug into a kernel.

    ``files`` are the source files that it may change, ``breaks`` says what it breaks.  ``of``
    names entries of the list of bugs (P1, A1, ...).  Two fields name what reveals the mutant,
    where plain scenarios do not: ``needs``, scenarios that wreck a guest; ``shape``, words of a
    machine.  Kernels from ``since`` to ``until`` have the code; empty is no bound.
    """

    name: str
    patch: Path
    kind: MutantKind
    files: tuple[str, ...]
    breaks: str
    reveals: str = ""
    of: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    shape: tuple[str, ...] = ()
    since: Version = ()
    until: Version = ()

    def applies(self, version: Version) -> bool:
        """Tell whether kernels of *version*, as ``(6, 1)``, have the code to change."""
        return self.since <= version and (not self.until or version <= self.until)


@dataclass(frozen=True, slots=True)
class MutantCatalogue:
    """All mutants in order; ``absent`` gives reasons for listed bugs that have no mutant."""

    mutants: tuple[Mutant, ...]
    absent: Mapping[str, str]

    def named(self, patterns: tuple[str, ...]) -> tuple[Mutant, ...]:
        """The mutants whose name contains one of *patterns*, or that are of such a listed bug.

        Without patterns all mutants.  Raises UsageError for a pattern that matches nothing.
        """
        chosen = {one.name for pattern in patterns for one in self._matching(pattern)}
        return tuple(one for one in self.mutants if not patterns or one.name in chosen)

    def _matching(self, pattern: str) -> tuple[Mutant, ...]:
        found = tuple(one for one in self.mutants if pattern in one.name or pattern in one.of)
        if not found:
            raise UsageError(
                f"no mutant is called {pattern!r}", hint="`kmap-harness mutants --list` names all"
            )
        return found


def read_catalogue(folder: Path) -> MutantCatalogue:
    """Read ``catalogue.toml`` of *folder*.  Raises CatalogueError, which names the entry."""
    path = folder / CATALOGUE
    data = read_toml(path)
    with entries_of(path):
        files = data["files"]
        mutants = tuple(
            _mutant(folder, name, entry, files) for name, entry in data["mutant"].items()
        )
        return MutantCatalogue(mutants, data["absent"])


def _mutant(
    folder: Path, name: str, entry: dict[str, Any], files: Mapping[str, list[str]]
) -> Mutant:
    found = [path for suffix in _SUFFIXES if (path := folder / f"{name}{suffix}").is_file()]
    if len(found) != 1:
        raise CatalogueError(f"{name} has {len(found)} patches in {folder}; one is expected")
    group = name.partition("/")[0]
    if unknown := set(entry) - _FIELDS:
        raise CatalogueError(
            f"the entry {name} of {folder / CATALOGUE} has unknown keys: {sorted(unknown)}"
        )
    try:
        return _entry(name, found[0], {"files": files.get(group), **entry})
    except (KeyError, TypeError, ValueError) as error:
        raise CatalogueError(
            f"the entry {name} of {folder / CATALOGUE} is wrong: {error}"
        ) from error


def _entry(name: str, patch: Path, entry: dict[str, Any]) -> Mutant:
    """The mutant that *entry* describes; raises KeyError, TypeError or ValueError."""
    return Mutant(
        name=name,
        patch=patch,
        kind=MutantKind(entry["kind"]),
        files=tuple(entry["files"]),
        breaks=entry["breaks"],
        reveals=entry.get("reveals", ""),
        of=tuple(entry.get("of", ())),
        needs=tuple(entry.get("needs", ())),
        shape=tuple(entry.get("shape", ())),
        since=_version(entry.get("since", "")),
        until=_version(entry.get("until", "")),
    )


def _version(text: str) -> Version:
    return tuple(int(part) for part in text.split(".")) if text else ()
