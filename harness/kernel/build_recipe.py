"""Kernels that are built from source, as ``images/kernels.toml`` describes them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.architecture.architecture import Architecture
from harness.architecture.i386 import I386
from harness.base.project import KERNEL_CATALOGUE, KERNEL_FRAGMENTS
from harness.base.toml_file import entries_of, read_toml
from harness.errors import UsageError
from harness.kernel import fragment

_SERIES_KEYS = {"package", "codenames", "lacks"}
_KERNEL_KEYS = {"series", "fragments", "variables"}


class BuildRecipeError(UsageError):
    """The catalogue has an entry that is wrong."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem, hint="mend the catalogue: docs/kernels.md has its keys")


@dataclass(frozen=True, slots=True)
class BuildRecipe:
    """One kernel of the catalogue."""

    name: str
    series: str
    """As ``6.1``."""
    package: str
    """The source package that holds it."""
    codenames: tuple[str, ...]
    """Debian releases that carry the package."""
    fragments: tuple[Path, ...]
    lacks: frozenset[str] = frozenset()
    """Symbols that this series lacks: settings of fragments do not ask this kernel for them."""

    variables: tuple[str, ...] = ()
    """More words for make when this kernel is built."""
    architecture: Architecture = I386

    def settings(self) -> dict[str, str]:
        """Return the settings that the configuration must have; raises :class:`FragmentError`."""
        merged = fragment.merge(self.fragments)
        return {name: value for name, value in merged.items() if name not in self.lacks}


def recipes(
    catalogue: Path = KERNEL_CATALOGUE, folder: Path = KERNEL_FRAGMENTS
) -> Mapping[str, BuildRecipe]:
    """Every kernel of the catalogue by name, in its order; raises :class:`BuildRecipeError`."""
    read = read_toml(catalogue)
    with entries_of(catalogue), _named(catalogue):
        series = {
            name: _checked(name, entry, _SERIES_KEYS) for name, entry in read["series"].items()
        }
        return {
            name: _recipe(name, entry, series, folder) for name, entry in read["kernel"].items()
        }


@contextmanager
def _named(catalogue: Path) -> Iterator[None]:
    """Add the file to what is wrong with an entry of it."""
    try:
        yield
    except BuildRecipeError as error:
        raise BuildRecipeError(f"{catalogue}: {error.message}") from error


def recipe_of(name: str) -> BuildRecipe:
    """Return the kernel of that name; raises UsageError with the names there are."""
    known = recipes()
    if name not in known:
        raise UsageError(
            f"{name!r} is no kernel of the catalogue", hint=f"known are: {', '.join(known)}"
        )
    return known[name]


def _recipe(
    name: str, entry: dict[str, Any], known: Mapping[str, Any], folder: Path
) -> BuildRecipe:
    _checked(name, entry, _KERNEL_KEYS)
    series = entry["series"]
    if series not in known:
        raise BuildRecipeError(
            f"the kernel {name} is of the series {series}, which the catalogue does not have"
        )
    fragments = tuple(folder / f"{part}.config" for part in entry["fragments"])
    if missing := [str(path) for path in fragments if not path.is_file()]:
        raise BuildRecipeError(f"the kernel {name} needs {', '.join(missing)}, which is not there")
    of = known[series]
    return BuildRecipe(
        name,
        series,
        of["package"],
        tuple(of["codenames"]),
        fragments,
        frozenset(of.get("lacks", ())),
        tuple(entry.get("variables", ())),
    )


def _checked(name: str, entry: dict[str, Any], allowed: set[str]) -> dict[str, Any]:
    unknown, missing = set(entry) - allowed, allowed - {"lacks", "variables"} - set(entry)
    if unknown or missing:
        raise BuildRecipeError(
            f"the entry {name} of the catalogue: unknown {sorted(unknown)},"
            f" missing {sorted(missing)}"
        )
    return entry
