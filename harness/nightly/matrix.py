"""The matrix of nights: sets of kernels, machine shapes and suites, as a TOML file has them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

from harness.architecture.i386 import I386
from harness.base.host_programs import found_programs
from harness.base.toml_file import TomlFileError, entries_of, read_toml
from harness.errors import UsageError
from harness.guest.shape_words import parse_shape
from harness.kernel.build_recipe import recipes
from harness.kernel.by_name import kernel_names
from harness.kernel.catalogue import UnknownKernelError, known
from harness.nightly.suites import SUITES

OURS: Final = files("harness.nightly").joinpath("nights.toml")
_KEYS: Final = frozenset({"kernels", "shapes", "suites", "seeds", "every-qemu"})
_KERNEL_KEYS: Final = frozenset({"image", "build-dir"})


@dataclass(frozen=True, slots=True)
class NightKernel:
    """A kernel of a night: a name that there is, or a name for an image of the user's own."""

    name: str
    image: str = ""
    build_dir: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The options that name it."""
        build = ("--build-dir", self.build_dir) if self.build_dir else ()
        return ("--kernel", self.image or self.name, *build)


@dataclass(frozen=True, slots=True)
class NightSet:
    """One set of runs: every kernel on every shape, for each suite, in *seeds* rounds."""

    name: str
    kernels: tuple[NightKernel, ...]
    shapes: tuple[str, ...]
    suites: tuple[str, ...]
    seeds: int = 1


@dataclass(frozen=True, slots=True)
class Matrix:
    """The sets of a file, and which of them run where nobody names one."""

    sets: Mapping[str, NightSet]
    default: tuple[str, ...]

    def chosen(self, names: Iterable[str]) -> tuple[NightSet, ...]:
        """The sets of these names, or the default ones.  Raises UsageError."""
        wanted = tuple(names) or self.default
        for name in wanted:
            if name not in self.sets:
                hint = f"there are: {', '.join(self.sets)}"
                raise UsageError(f"there is no set {name!r}", hint=hint)
        return tuple(self.sets[name] for name in wanted)


def read_matrix(path: Path | Traversable = OURS) -> Matrix:
    """Read *path*.  Raises UsageError, which names the file and what is wrong in it."""
    document = read_toml(path)
    with entries_of(path):
        own = _own_kernels(document.get("kernel", {}))
        sets = {name: _set(name, table, own) for name, table in document["set"].items()}
        default = tuple(document.get("default", sets))
        if not set(default) <= set(sets):
            raise ValueError(f"default names a set that there is not: {', '.join(default)}")
    if unknown := set(document) - {"set", "kernel", "default"}:
        raise TomlFileError(path, f"unknown keys: {', '.join(sorted(unknown))}")
    return Matrix(sets, default)


def _own_kernels(tables: Mapping[str, Mapping[str, str]]) -> Mapping[str, NightKernel]:
    for name, table in tables.items():
        _require(_KERNEL_KEYS, table, f"kernel.{name}")
        if any(not isinstance(value, str) for value in table.values()):
            raise TypeError(f"kernel.{name}: image and build-dir are paths")
    return {
        name: NightKernel(name, table["image"], table.get("build-dir", ""))
        for name, table in tables.items()
    }


def _set(name: str, table: Mapping[str, Any], own: Mapping[str, NightKernel]) -> NightSet:
    _require(_KEYS, table, f"set.{name}")
    kernels, shapes, suites = (_texts(table, key) for key in ("kernels", "shapes", "suites"))
    seeds = table.get("seeds", 1)
    if not isinstance(seeds, int) or not 1 <= seeds <= 1000:
        raise ValueError(f"set.{name}: seeds is a number from 1 to 1000")
    for shape in shapes:
        parse_shape(shape)
    if unknown := set(suites) - set(SUITES):
        raise ValueError(f"set.{name}: no suite {', '.join(sorted(unknown))}")
    if table.get("every-qemu", False):
        shapes = tuple(
            f"{shape},qemu={path}"
            for shape in shapes
            for path in found_programs(I386.emulated.programs)
        )
    return NightSet(name, night_kernels(kernels, own), shapes, suites, seeds)


def _require(keys: frozenset[str], table: Mapping[str, Any], place: str) -> None:
    if unknown := set(table) - keys:
        raise ValueError(f"{place}: unknown keys: {', '.join(sorted(unknown))}")


def _texts(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table[key]
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise TypeError(f"{key} is a list of texts")
    return tuple(value)


def night_kernels(
    names: Iterable[str], own: Mapping[str, NightKernel] | None = None
) -> tuple[NightKernel, ...]:
    """The kernels of these names, each once.  Raises UnknownKernelError."""
    groups = {"stock": tuple(one.name for one in known()), "source": tuple(recipes())}
    own, every = own or {}, (*kernel_names(),)
    found = dict.fromkeys(one for name in names for one in groups.get(name, (name,)))
    for name in found:
        if name not in own and name not in every:
            raise UnknownKernelError(name, every)
    return tuple(own.get(name) or NightKernel(name) for name in found)
