"""Scratch trees: a copy of the user's kernel tree that patches are applied to; the user's is only read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from harness.architecture.i386 import I386
from harness.base.cache import Cache
from harness.errors import UsageError
from harness.kernel.built import OBJECTS as BUILT_OBJECTS
from harness.kernel.kernel_record import Kernel
from harness.patch.apply import apply, changed_files
from harness.patch.clonetree import CloneTree
from harness.patch.gittree import GitTree, is_git
from harness.patch.patch import Patch
from harness.patch.patch_base import PatchBase
from harness.patch.plaintree import OBJECTS, PlainTree

_TELLING = ("Makefile", "Kconfig", f"{I386.source.folder}/Makefile", "mm/highmem.c")
"""Files by which a folder is known as a kernel's source."""


class ScratchTree(Protocol):
    """A user's tree, and our copy of it in ``source``."""

    source: Path

    def find(self, revision: str) -> PatchBase:
        """The base that *revision* names; empty: the newest commit, or a plain folder as it stands."""

    def settle(self, content: str) -> None:
        """Make ``source`` that base, whatever was in it; unchanged files keep their time stamps."""

    def touch(self, files: tuple[str, ...]) -> None:
        """Remember that *files* of ``source`` are about to be changed."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """An open scratch: its lock is held.  ``folder`` also has room for objects, one folder for each config."""

    folder: Path
    tree: ScratchTree
    built: str = ""
    """The configuration that the catalogue has built in this very tree, if any."""

    @property
    def source(self) -> Path:
        """The source tree that is built."""
        return self.tree.source

    def base(self, revision: str) -> PatchBase:
        """The base that *revision* names; empty: the newest commit, or a plain folder as it stands."""
        return self.tree.find(revision)

    def objects(self, config: str) -> Path:
        """Where the objects of a configuration are kept from build to build.

        Directly inside the source: make then names every file by a relative path (Makefile of 5.10 to 7.3:
        ``srctree := ..``), and a compiler cache finds what was compiled in another tree.
        """
        if config == self.built:
            return self.source / BUILT_OBJECTS
        path = self.source / f"{OBJECTS}{config_folder(config)}"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def settle(self, base: PatchBase, patches: Iterable[Patch] = ()) -> None:
        """Make the source *base* again, with *patches* in it.  Raises DoesNotApplyError."""
        self.tree.settle(base.content)
        for patch in patches:
            self.tree.touch(changed_files(patch, self.source))
            apply(patch, self.source)


def config_folder(config: str) -> str:
    """The name of a configuration as part of a file's name; two paths of files never share one."""
    plain = re.sub(r"[^A-Za-z0-9.-]", "-", config)
    return (
        plain
        if plain == config
        else f"{plain[-40:]}-{hashlib.sha256(config.encode()).hexdigest()[:8]}"
    )


def require_kernel_tree(tree: Path) -> Path:
    """*tree* as an absolute path.  Raises UsageError where it is no kernel's source."""
    missing = [name for name in _TELLING if not (tree / name).is_file()]
    if missing:
        raise UsageError(
            f"{tree} is not the source of a kernel: it has no {missing[0]}",
            hint="--tree names the top of a kernel tree, a git repository or a plain folder",
        )
    return tree.resolve()


def scratch_folder(tree: Path, cache: Cache, kind: str = "check") -> Path:
    """Where the scratch of *tree* lies; different *kind*s do not wait for each other."""
    name = hashlib.sha256(str(tree).encode()).hexdigest()[:16]
    return cache.root / "scratch" / f"{name}-{kind}"


@contextmanager
def open_scratch(tree: Path, cache: Cache, kind: str = "check") -> Iterator[Scratch]:
    """The scratch of the kernel tree *tree*, for this process alone while the block lasts.

    Raises UsageError where *tree* is no kernel tree, and cache errors.
    """
    tree = require_kernel_tree(tree)
    folder = scratch_folder(tree, cache, kind)
    with cache.locked(f"scratch-{folder.name}"), cache.guarded():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "origin").write_text(f"{tree}\n", encoding="utf-8")
        copy: ScratchTree = (
            GitTree(tree, folder) if is_git(tree) else PlainTree(tree, folder, cache)
        )
        yield Scratch(folder, copy)


@contextmanager
def open_clone(kernel: Kernel, cache: Cache, kind: str = "check") -> Iterator[Scratch]:
    """The scratch of a kernel of the catalogue, which is built already."""
    folder = cache.root / "scratch" / f"{kernel.name}-{kind}"
    with cache.locked(f"scratch-{folder.name}"), cache.guarded():
        folder.mkdir(parents=True, exist_ok=True)
        yield Scratch(folder, CloneTree(kernel, folder), kernel.name)
