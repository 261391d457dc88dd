"""The scenarios that a patch calls for: sweeps of the code that it touches, and wrong use.

A sweep costs seconds, so a check runs those of the functions that stand in the patch.  A patch to
a file of the table that names none of them gets all sweeps of its file.

A BUG or a warning is reached by wrong use alone, which wrecks a guest.  A check of a patch that
changes one runs these scenarios too.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness.architecture.i386 import I386
from harness.base import project
from harness.errors import UsageError
from harness.patch.patch import Patch

SWEEPS = project.SCENARIOS / "sweeps"

_MAPS = ("every-map", "every-map-local", "every-iomap")
_UNMAPS = ("every-unmap", "every-unmap-local", "every-iomap")
_SLOTS = ("every-kmap", "every-kunmap")
_BY_WORD: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"kmap_atomic_high|kmap_(?:atomic|local)_idx_push|kmap_local_(?:pfn|page)", _MAPS),
    (r"kmap_local_map_idx|kmap_local_post_map|kmap_atomic_prot|kmap_local_set_pte", _MAPS),
    (r"kunmap_atomic_high|kunmap_local|kmap_(?:atomic|local)_idx_pop|kpte_clear", _UNMAPS),
    (r"kmap_local_(?:un|pre_un|post_un)map|flush_tlb_one_kernel", _UNMAPS),
    (r"iomap_|iounmap", ("every-iomap",)),
    (r"kmap_local_sched|kmap_ctrl|kmap_local_idx\(", ("every-switch", *_MAPS[:2], *_UNMAPS[:2])),
    (r"\bkmap_high|map_new_virtual|next_pkmap_nr|no_more_pkmaps", ("every-kmap",)),
    (r"kunmap_high", ("every-kunmap",)),
    (r"flush_all_zero_pkmaps|kmap_flush_unused", ("every-flush-unused",)),
    (r"pkmap_count|[^_]lock_kmap", (*_SLOTS, "every-flush-unused")),
    (r"page_address\b|page_slot|page_address_htable", ("every-page-address",)),
)
"""What a line of a hunk may hold, and the sweeps of the functions that have such lines."""

_HEADERS = (
    "include/linux/highmem-internal.h",
    "include/linux/highmem.h",
    f"{I386.source.folder}/include/asm/highmem.h",
)
_EVERYWHERE = tuple(dict.fromkeys(name for _, names in _BY_WORD for name in names))
_WINDOWS = tuple(dict.fromkeys((*_MAPS, *_UNMAPS)))
_BY_FILE = {
    "mm/highmem.c": _EVERYWHERE,
    **dict.fromkeys(I386.source.mapping_files, _WINDOWS),
    **dict.fromkeys(_HEADERS, ()),
    **dict.fromkeys(I386.source.flush_files, ()),
    "kernel/sched/core.c": (),
}
"""Files in which a patch calls for sweeps, and those of a patch that names no function."""

_NOTICES = re.compile(r"^[-+].*\b(?:VM_)?(?:BUG|WARN)(?:_ON)?\w*\s*\(", re.MULTILINE)
"""A line that a patch changes, with a BUG or a warning."""
_FILE = re.compile(rb"^\+\+\+ [^/\s]+/(\S+)", re.MULTILINE)


def touched_sweeps(patches: Sequence[Patch]) -> tuple[Path, ...]:
    """The scenario files of the sweeps for *patches*, each once, in the order of the table."""
    wanted = {name for patch in patches for name in _of_patch(patch)}
    return tuple(SWEEPS / f"{name}.kmap" for name in _EVERYWHERE if name in wanted)


def chosen_sweeps(words: str, patches: Sequence[Patch]) -> tuple[Path, ...]:
    """The sweeps that ``--sweeps`` asks for: those of *patches* where it says nothing.

    Raises UsageError for words that are none of the option's.
    """
    if words in {"", "touched"}:
        return touched_sweeps(patches)
    if words not in {"all", "none"}:
        raise UsageError(f"--sweeps {words} is not known", hint="touched, all or none")
    return tuple(sorted(SWEEPS.glob("*.kmap"))) if words == "all" else ()


def touches_notices(patches: Sequence[Patch]) -> bool:
    """Tell whether *patches* change what notices wrong use of the mapping code."""
    return any(_NOTICES.search(hunks) for patch in patches for _, hunks in _files(patch))


def _of_patch(patch: Patch) -> Iterator[str]:
    for otherwise, hunks in _files(patch):
        yield from _of_hunks(hunks) or otherwise


def _files(patch: Patch) -> Iterator[tuple[tuple[str, ...], str]]:
    """The hunks of each file of the table, and its sweeps where they name no function."""
    parts = _FILE.split(patch.diff)
    for name, hunks in zip(parts[1::2], parts[2::2], strict=True):
        otherwise = _BY_FILE.get(name.decode(errors="replace"))
        if otherwise is not None:
            yield otherwise, hunks.decode(errors="replace")


def _of_hunks(text: str) -> tuple[str, ...]:
    """The sweeps of the functions that the hunks name, in lines or in their headings."""
    return tuple(name for pattern, names in _BY_WORD if re.search(pattern, text) for name in names)
