"""The products in the cache, each with its size, age and last use; and making room in it."""

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.base.cache import Cache
from harness.base.held_folders import is_held
from harness.base.seal import SEAL, mark_of, seal_of
from harness.errors import UsageError

LIMIT = "KMAP_HARNESS_CACHE_MIB"
"""The environment variable that sets another limit."""
LIMIT_MIB = 20 << 10
"""MiB for all of the cache; what was used least recently goes."""
_DEEP = frozenset({"kernels", "trees"})
"""Kinds whose products lie in a folder for each kernel."""
_OURS = frozenset({"locks"})
_BLOCK = 512
_LOOK_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """One product of the cache."""

    name: str
    """Its path below the root, as ``cache remove`` takes it."""
    path: Path
    size: int
    """Bytes on disk; what two products share counts once."""
    made: float
    used: float

    @property
    def held(self) -> bool:
        """Tell whether a running process uses it."""
        return is_held(self.path)

    def remove(self) -> None:
        """Remove it; a file goes with its seal."""
        if self.path.is_dir():
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.path.unlink(missing_ok=True)
            seal_of(self.path).unlink(missing_ok=True)


def entries(cache: Cache) -> tuple[CacheEntry, ...]:
    """Every product, the one that was used least recently first."""
    seen: set[tuple[int, int]] = set()
    found = [_entry(cache.root, path, seen) for path in _products(cache.root)]
    return tuple(sorted(found, key=lambda one: (one.used, one.name)))


def limit_bytes() -> int:
    """The limit for all of the cache.  Raises UsageError for a variable that is no number."""
    text = os.environ.get(LIMIT, str(LIMIT_MIB))
    if not text.isdigit():
        raise UsageError(f"{LIMIT} is {text!r}", hint="give a number of MiB")
    return int(text) << 20


def prune(cache: Cache, limit: int) -> tuple[CacheEntry, ...]:
    """Remove what was used least recently until the rest fits into *limit* bytes.

    What a running process uses stays.  Returns what was removed.
    """
    found = entries(cache)
    total = sum(one.size for one in found)
    gone = []
    for one in found:
        if total <= limit:
            break
        if not one.held:
            one.remove()
            total -= one.size
            gone.append(one)
    return tuple(gone)


def keep_limit(cache: Cache) -> None:
    """Prune a cache that something was put into; looked at once an hour, as it takes a second."""
    looked = cache.root / "locks" / "limit"
    if looked.exists() and time.time() - looked.stat().st_mtime < _LOOK_SECONDS:
        return
    cache.folder("locks")
    looked.touch()
    for one in prune(cache, limit_bytes()):
        sys.stderr.write(f"- {one.name} has left the cache, which was too large\n")


def remove(cache: Cache, names: Iterable[str]) -> tuple[CacheEntry, ...]:
    """Remove the products *names*, or all of a kind; nothing where it raises UsageError."""
    found, chosen = entries(cache), []
    for name in names:
        matching = [one for one in found if f"{one.name}/".startswith(f"{name.rstrip('/')}/")]
        if not matching:
            raise UsageError(
                f"the cache {cache.root} has no {name}", hint="`kmap-harness cache list` names all"
            )
        chosen += matching
    if held := [one.name for one in chosen if one.held]:
        raise UsageError(
            f"a running command uses {', '.join(held)}", hint="wait for it, or end it first"
        )
    for one in chosen:
        one.remove()
    return tuple(chosen)


def _products(root: Path) -> Iterator[Path]:
    for kind in _children(root):
        if kind.name in _OURS or not kind.is_dir():
            continue
        for path in _children(kind):
            if path.name.endswith(SEAL):
                continue
            if kind.name in _DEEP and path.is_dir():
                yield from (below for below in _children(path) if below.is_dir())
            else:
                yield path


def _children(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _entry(root: Path, path: Path, seen: set[tuple[int, int]]) -> CacheEntry:
    try:
        used = mark_of(path).stat().st_mtime
        made = min([path.stat().st_mtime, *(one.lstat().st_mtime for one in _children(path))])
    except OSError:  # another process has removed it
        now = time.time()
        return CacheEntry(str(path.relative_to(root)), path, 0, now, now)
    size = _size(path, seen)
    return CacheEntry(str(path.relative_to(root)), path, size, made, used)


def _size(path: Path, seen: set[tuple[int, int]]) -> int:
    """Bytes on disk of a file or folder, but for what *seen* has."""
    try:
        found = path.lstat()
        if (found.st_dev, found.st_ino) in seen:
            return 0
        if found.st_nlink > 1 and not path.is_dir():
            seen.add((found.st_dev, found.st_ino))
        if not path.is_dir() or path.is_symlink():
            return found.st_blocks * _BLOCK
        return _size_below(os.fspath(path), seen)
    except OSError:
        return 0


def _size_below(folder: str, seen: set[tuple[int, int]]) -> int:
    total = 0
    with os.scandir(folder) as found:
        for one in found:
            status = one.stat(follow_symlinks=False)
            if one.is_dir(follow_symlinks=False):
                total += _size_below(one.path, seen)
            elif status.st_nlink == 1:
                total += status.st_blocks * _BLOCK
            elif (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                total += status.st_blocks * _BLOCK
    return total
