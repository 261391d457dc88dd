"""Constants of a kernel from the DWARF of a module that was built against it.

Enumerators, structure sizes and member offsets are what the compiler made of the kernel's own
headers and configuration; no table of them is kept anywhere.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from elftools.common.exceptions import ELFError
from elftools.dwarf.die import DIE
from elftools.elf.elffile import ELFFile

from harness.base.cache import Cache
from harness.base.sealed_json import read_sealed, write_sealed
from harness.errors import UsageError

STRUCTURES = ("kmh_*", "task_struct", "kmap_ctrl", "page", "page_address_map", "page_address_slot")
"""Structures whose layout is read unless others are asked for, as shell patterns."""

_FORMAT = "2"
_QUALIFIERS = ("DW_TAG_typedef", "DW_TAG_const_type", "DW_TAG_volatile_type", "DW_TAG_atomic_type")
_COMPOUND = ("DW_TAG_structure_type", "DW_TAG_union_type")


class DwarfError(UsageError):
    """A module has no debugging information, or lacks a fact that is needed."""


@dataclass(frozen=True, slots=True)
class StructMember:
    """One member of a structure; both in bytes."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Structure:
    """Size in bytes and members, those of unnamed structures inside it among them."""

    size: int
    members: Mapping[str, StructMember]


@dataclass(frozen=True, slots=True)
class DwarfFacts:
    """The facts in the debugging information of one module."""

    module: str
    enums: Mapping[str, Mapping[str, int]]
    """Enumerators by the name of their enumeration."""
    constants: Mapping[str, int]
    """Every enumerator, those of unnamed enumerations too."""
    structs: Mapping[str, Structure]

    def constant(self, name: str) -> int:
        """Return the value of an enumerator; raises :class:`DwarfError` if it is missing."""
        try:
            return self.constants[name]
        except KeyError:
            raise self._missing(f"the enumerator {name}") from None

    def struct(self, name: str) -> Structure:
        """Return the layout of a structure; raises :class:`DwarfError` if it is missing."""
        try:
            return self.structs[name]
        except KeyError:
            raise self._missing(f"struct {name}") from None

    def _missing(self, what: str) -> DwarfError:
        return DwarfError(
            f"the DWARF of {self.module} does not hold {what}",
            hint="gcc omits types that no variable has: declare one of that type in the module",
        )


def read_dwarf(
    ko: Path, cache: Cache | None = None, *, structures: Sequence[str] = STRUCTURES
) -> DwarfFacts:
    """Return enumerations and the named structures of a module.

    They are kept in the cache by the module's content. Raises :class:`DwarfError` when the file
    has no debugging information.
    """
    cache = cache or Cache.default()
    with ko.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    digest.update("\0".join([_FORMAT, *structures]).encode())
    kept = cache.root / "dwarf" / f"{digest.hexdigest()[:32]}.json"
    if read := read_sealed(kept):
        return _facts(ko, read)
    facts = _parse(ko, structures)
    write_sealed(cache, kept, asdict(facts))
    return facts


def _facts(ko: Path, read: Mapping[str, Any]) -> DwarfFacts:
    structs = {
        name: Structure(
            one["size"],
            {key: StructMember(**member) for key, member in one["members"].items()},
        )
        for name, one in read["structs"].items()
    }
    return DwarfFacts(ko.name, read["enums"], read["constants"], structs)


def _parse(ko: Path, structures: Sequence[str]) -> DwarfFacts:
    enums: dict[str, dict[str, int]] = {}
    constants: dict[str, int] = {}
    structs: dict[str, Structure] = {}
    try:
        with ko.open("rb") as file:
            for die in _types(ELFFile(file), ko):
                name = _name(die)
                if die.tag == "DW_TAG_enumeration_type":
                    values = dict(_enumerators(die))
                    constants.update(values)
                    enums.setdefault(name, values)
                elif name not in structs and _wanted(name, structures):
                    structs[name] = Structure(
                        die.attributes["DW_AT_byte_size"].value, dict(_members(die))
                    )
    except ELFError as error:
        raise DwarfError(f"{ko}: {error}") from error
    enums.pop("", None)
    return DwarfFacts(ko.name, enums, constants, structs)


def _types(elf: ELFFile, ko: Path) -> Iterator[DIE]:
    """The enumerations and complete structures at the top level of each compilation unit."""
    if not elf.has_dwarf_info():
        raise DwarfError(
            f"{ko} has no debugging information", hint="build it with -g, and do not strip it"
        )
    for unit in elf.get_dwarf_info().iter_CUs():
        for die in unit.get_top_DIE().iter_children():
            tag = die.tag
            if (
                tag in ("DW_TAG_enumeration_type", "DW_TAG_structure_type")
                and "DW_AT_byte_size" in die.attributes
            ):
                yield die


def _wanted(name: str, patterns: Sequence[str]) -> bool:
    return bool(name) and any(fnmatchcase(name, pattern) for pattern in patterns)


def _name(die: DIE) -> str:
    attribute = die.attributes.get("DW_AT_name")
    return attribute.value.decode() if attribute else ""


def _enumerators(die: DIE) -> Iterator[tuple[str, int]]:
    for child in die.iter_children():
        if child.tag == "DW_TAG_enumerator":
            yield _name(child), child.attributes["DW_AT_const_value"].value


def _members(die: DIE, base: int = 0) -> Iterator[tuple[str, StructMember]]:
    for child in die.iter_children():
        if child.tag != "DW_TAG_member":
            continue
        location = child.attributes.get("DW_AT_data_member_location")
        offset = base + (location.value if location else 0)
        kind = _unqualified(child)
        if _name(child):
            yield _name(child), StructMember(offset, _size(kind))
        elif kind is not None and kind.tag in _COMPOUND:
            yield from _members(kind, offset)


def _unqualified(die: DIE) -> DIE | None:
    """The type of a member or array without typedefs and qualifiers; None for void."""
    while "DW_AT_type" in die.attributes:
        die = die.get_DIE_from_attribute("DW_AT_type")
        if die.tag not in _QUALIFIERS:
            return die
    return None


def _size(kind: DIE | None) -> int:
    if kind is None:
        return 0
    if "DW_AT_byte_size" in kind.attributes:
        return int(kind.attributes["DW_AT_byte_size"].value)
    if kind.tag != "DW_TAG_array_type":
        return 0
    size = _size(_unqualified(kind))
    for child in kind.iter_children():
        if child.tag == "DW_TAG_subrange_type":
            size *= _extent(child)
    return size


def _extent(subrange: DIE) -> int:
    """Number of elements of one dimension; 0 for a flexible array."""
    if "DW_AT_count" in subrange.attributes:
        return int(subrange.attributes["DW_AT_count"].value)
    bound = subrange.attributes.get("DW_AT_upper_bound")
    return int(bound.value) + 1 if bound else 0
