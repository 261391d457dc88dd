"""The scratch of a plain folder: a copy that is brought up to date before each check."""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.base.cache import Cache
from harness.errors import UsageError
from harness.patch.patch_base import PatchBase

OBJECTS = "objects-"
"""Folders of the scratch's source whose names begin so hold objects, not source."""
_SPACE_MIB = 2000
_PRODUCTS = (
    *(".o", ".ko", ".a", ".cmd", ".mod", ".mod.c", ".order", ".symvers"),
    *(".dtb", ".gcno", ".su"),
)
_FOLDERS = frozenset({".git", "include/config", "include/generated", ".tmp_versions"})
_FILES = frozenset(
    {".config", ".config.old", "vmlinux", "System.map", "Module.symvers", "vmlinux.o"}
)
_Manifest = dict[str, list[int]]


class PlainTree:
    """See :class:`harness.patch.scratch.ScratchTree`.

    A digest of names, sizes and times of the files names the content.
    """

    def __init__(self, tree: Path, folder: Path, cache: Cache) -> None:
        self.tree = tree
        self.source = folder / "source"
        self._cache = cache
        self._manifest = folder / "manifest.json"

    def find(self, revision: str) -> PatchBase:
        """The folder in its present state.  Raises UsageError for a revision."""
        if revision:
            raise UsageError(
                f"{self.tree} is not a git repository: it has no {revision!r}",
                hint="omit --base",
            )
        found = dict(_entries(self.tree))
        text = "".join(f"{name}\0{entry}\n" for name, entry in sorted(found.items()))
        return PatchBase(
            hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest(), str(self.tree)
        )

    def settle(self, content: str) -> None:
        """Copy new and changed files with a new time, and remove those that are gone."""
        del content
        found, known = dict(_entries(self.tree)), self._known()
        if not known:
            self._cache.require_space(_SPACE_MIB << 20)
        for name in known.keys() - found.keys():
            (self.source / name).unlink(missing_ok=True)
        changed = {name for name, entry in found.items() if known.get(name) != entry}
        if changed or known.keys() != found.keys():
            self._write({name: entry for name, entry in found.items() if name not in changed})
            for name in sorted(changed):
                _copy(self.tree / name, self.source / name)
            self._write(found)

    def touch(self, files: tuple[str, ...]) -> None:
        """Forget that *files* are copies, so that the next check copies or removes them."""
        known = self._known()
        known.update((name, []) for name in files)
        self._write(known)

    def _known(self) -> _Manifest:
        try:
            known = json.loads(self._manifest.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            shutil.rmtree(self.source, ignore_errors=True)
            return {}
        assert isinstance(known, dict), "the manifest is an object"
        return known

    def _write(self, manifest: Mapping[str, list[int]]) -> None:
        partial = self._manifest.with_suffix(".new")
        partial.write_text(json.dumps(manifest), encoding="utf-8")
        partial.replace(self._manifest)


def _entries(tree: Path) -> Iterator[tuple[str, list[int]]]:
    """Every source file below *tree* with size, time and mode, without products of builds."""
    stack = [""]
    while stack:
        prefix = stack.pop()
        with os.scandir(tree / prefix) as found:
            for entry in found:
                name = f"{prefix}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if name not in _FOLDERS and not _generated(name):
                        stack.append(f"{name}/")
                elif name not in _FILES and not entry.name.endswith(_PRODUCTS):
                    said = entry.stat(follow_symlinks=False)
                    yield name, [said.st_size, said.st_mtime_ns, said.st_mode]


def _generated(folder: str) -> bool:
    """Tell whether it is ``arch/*/include/generated``, where kbuild puts generated headers."""
    return folder.startswith("arch/") and folder.endswith("/include/generated")


def _copy(old: Path, new: Path) -> None:
    new.parent.mkdir(parents=True, exist_ok=True)
    new.unlink(missing_ok=True)
    shutil.copyfile(old, new, follow_symlinks=False)
    if not new.is_symlink():
        shutil.copymode(old, new)
