"""Scratch trees: copies of the user's kernel tree, which take the patches.

The user's own tree is only read.
"""

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
"""Files by which the harness recognises the source of a kernel."""


class ScratchTree(Protocol):
    """A tree of the user, and our copy of it in ``source``."""

    source: Path

    def find(self, revision: str) -> PatchBase:
        """The base that *revision* names; empty is HEAD, or the present state of a folder."""

    def settle(self, content: str) -> None:
        """Make ``source`` equal to that base; unchanged files keep their time stamps."""

    def touch(self, files: tuple[str, ...]) -> None:
        """Remember that *files* of ``source`` are about to be changed."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """An open scratch, whose lock this process holds."""

    folder: Path
    tree: ScratchTree
    built: str = ""
    """The configuration whose objects are in this tree from the start, if any."""

    @property
    def source(self) -> Path:
        """The source tree that is built."""
        return self.tree.source

    def base(self, revision: str) -> PatchBase:
        """The base that *revision* names; empty is HEAD, or the present state of a folder."""
        return self.tree.find(revision)

    def objects(self, config: str) -> Path:
        """The folder that keeps the objects of a configuration from build to build.

        It lies in the source, so that make names every file by a relative path (``srctree := ..``
        in the Makefile of 5.10 to 7.3), and a compiler cache finds what another tree compiled.
        """
        if config == self.built:
            return self.source / BUILT_OBJECTS
        path = self.source / f"{OBJECTS}{config_folder(config)}"
        path.mkdir(parents=True, exist_ok=True)
        return path

    def settle(self, base: PatchBase, patches: Iterable[Patch] = ()) -> None:
        """Make the source equal to *base* with *patches* applied.  Raises DoesNotApplyError."""
        self.tree.settle(base.content)
        for patch in patches:
            self.tree.touch(changed_files(patch, self.source))
            apply(patch, self.source)


def config_folder(config: str) -> str:
    """The name of a configuration as part of a file name; different names stay different."""
    plain = re.sub(r"[^A-Za-z0-9.-]", "-", config)
    return (
        plain
        if plain == config
        else f"{plain[-40:]}-{hashlib.sha256(config.encode()).hexdigest()[:8]}"
    )


def require_kernel_tree(tree: Path) -> Path:
    """*tree* as an absolute path.  Raises UsageError if it is not the source of a kernel."""
    missing = [name for name in _TELLING if not (tree / name).is_file()]
    if missing:
        raise UsageError(
            f"{tree} is not the source of a kernel: it has no {missing[0]}",
            hint="--tree names the top of a kernel tree, a git repository or a plain folder",
        )
    return tree.resolve()


def scratch_folder(tree: Path, cache: Cache, kind: str = "check") -> Path:
    """The folder of the scratch of *tree*; scratches of different *kind* have own locks."""
    name = hashlib.sha256(str(tree).encode()).hexdigest()[:16]
    return cache.root / "scratch" / f"{name}-{kind}"


@contextmanager
def open_scratch(tree: Path, cache: Cache, kind: str = "check") -> Iterator[Scratch]:
    """Open the scratch of *tree* for this process alone while the block runs.

    Raises UsageError if *tree* is not a kernel tree, and cache errors.
    """
    tree = require_kernel_tree(tree)
    folder = scratch_folder(tree, cache, kind)
    with cache.locked(f"scratch-{folder.name}"), cache.guarded():
        folder.mkdir(parents=True, exist_ok=True)
        cache.use(folder)
        (folder / "origin").write_text(f"{tree}\n", encoding="utf-8")
        copy: ScratchTree = (
            GitTree(tree, folder) if is_git(tree) else PlainTree(tree, folder, cache)
        )
        yield Scratch(folder, copy)


@contextmanager
def open_clone(kernel: Kernel, cache: Cache, kind: str = "check") -> Iterator[Scratch]:
    """Open the scratch of a kernel of the catalogue, which is built already."""
    folder = cache.root / "scratch" / f"{kernel.name}-{kind}"
    with cache.locked(f"scratch-{folder.name}"), cache.guarded():
        folder.mkdir(parents=True, exist_ok=True)
        cache.use(folder)
        yield Scratch(folder, CloneTree(kernel, folder), kernel.name)
