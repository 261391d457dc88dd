"""The cache folder: products appear whole or not at all, however many processes make them.

Layout below the root (``platformdirs``, or ``KMAP_HARNESS_CACHE``)::

    apt/<codename>/         private apt state of one Debian release
    debs/<sha256>.deb       verified packages
    kernels/<name>/         unpacked kernels, by content
    modules/<key>/          built modules, by sources, kernel and compiler
    programs/<key>/         built guest programs
    locks/                  one lock file for each product
"""

import errno
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import platformdirs
from filelock import FileLock, Timeout

from harness.base.held_folders import fresh_folder, hold, remove_leftovers
from harness.base.seal import SealError, check_file, check_folder, mark_of, seal_file, seal_of
from harness.errors import PrerequisiteError

ENVIRONMENT = "KMAP_HARNESS_CACHE"
SILENT_SECONDS = 3.0
"""Time to wait for another process in silence; then the user is told of it."""
LOCK_SECONDS = 6 * 3600.0
"""Time for another process to make a product: the longest is a kernel on a busy host."""
_UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT)


class CacheError(PrerequisiteError):
    """The cache folder cannot be used."""


class CacheFullError(CacheError):
    """There is no space left where the cache is."""

    def __init__(self, root: Path, detail: str) -> None:
        super().__init__(
            f"no space left for the cache {root}: {detail}",
            hint=f"free some space there, or set {ENVIRONMENT} to a folder on another disk",
        )


class CacheUnwritableError(CacheError):
    """The cache folder cannot be written."""

    def __init__(self, root: Path, detail: str) -> None:
        super().__init__(
            f"the cache {root} cannot be written: {detail}",
            hint=f"make it writable, or set {ENVIRONMENT} to a folder that is",
        )


class SourceFileError(PrerequisiteError):
    """A file outside of the cache, of which the cache was to get a copy, cannot be read."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, hint="the file is not the harness's: bring it back, or mend it")


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache below one folder."""

    root: Path

    @classmethod
    def default(cls) -> "Cache":
        """The user's cache: ``KMAP_HARNESS_CACHE``, or the place the desktop standard names."""
        named = os.environ.get(ENVIRONMENT)
        root = Path(named) if named else platformdirs.user_cache_path("kmap-harness")
        return cls(root.expanduser().absolute())

    def folder(self, *parts: str) -> Path:
        """The folder of that name below the root, made if it is not there."""
        path = self.root.joinpath(*parts)
        with self.guarded():
            path.mkdir(parents=True, exist_ok=True)
        return path

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold the lock of the product ``name`` against every other process and thread."""
        path = self.folder("locks") / f"{name}.lock"
        with self.guarded():
            lock = FileLock(path)
            try:
                lock.acquire(timeout=SILENT_SECONDS)
            except Timeout:
                sys.stderr.write(f"- waiting for {_holder(path)}, which has {name}\n")
                self._await(lock, path, name)
        try:
            yield
        finally:
            lock.release()

    def _await(self, lock: FileLock, path: Path, name: str) -> None:
        try:
            lock.acquire(timeout=LOCK_SECONDS)
        except Timeout:
            raise CacheError(
                f"{_holder(path)} has had {name} for {LOCK_SECONDS / 3600:.0f} hours",
                hint="end that process if it hangs",
            ) from None

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """Turn the operating system's refusals into errors that name the cache and the remedy."""
        try:
            yield
        except OSError as error:
            detail = f"{error.strerror}: {error.filename}" if error.filename else str(error)
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise CacheFullError(self.root, detail) from error
            if error.errno in _UNWRITABLE and not self._has(error.filename):
                raise SourceFileError(detail) from error
            if error.errno in _UNWRITABLE:
                raise CacheUnwritableError(self.root, detail) from error
            raise

    def _has(self, name: object) -> bool:
        """Tell whether a refused file is, or is to be, one of the cache; an unknown file is."""
        if not isinstance(name, (str, os.PathLike)):
            return True
        path = Path(name).absolute()
        return path.is_relative_to(self.root) or self.root.is_relative_to(path)

    @contextmanager
    def new_folder(self, final: Path) -> Iterator[Path]:
        """A folder to fill; it becomes ``final`` when the block ends well and is removed when not.

        Call it with the product's lock held.
        """
        self.folder(*final.parent.relative_to(self.root).parts)
        with self.guarded(), fresh_folder(final.parent, final.name) as fresh:
            yield fresh
            fresh.chmod(0o755)
            _replace_folder(fresh, final)
            self.use(final)

    @contextmanager
    def new_file(self, final: Path, *, sealed: bool = False) -> Iterator[Path]:
        """A file name to write; it is renamed to ``final`` when the block ends well.

        A file that is *sealed* has its size and digest recorded beside it.
        """
        self.folder(*final.parent.relative_to(self.root).parts)
        with self.guarded(), fresh_folder(final.parent, final.name) as folder:
            fresh = folder / final.name
            yield fresh
            fresh.chmod(0o644)
            _make_way(final)
            fresh.replace(final)
            if sealed:
                seal_file(final)
                self.use(final)

    def remove_leftovers(self) -> None:
        """Remove what commands that were killed had begun to make."""
        remove_leftovers(self.root)

    def use(self, product: Path) -> bool:
        """Keep others from removing a product while this process runs; False if it is not there.

        Its last use is noted.
        """
        if not hold(product):
            return False
        with suppress(OSError):
            os.utime(mark_of(product))
        return True

    def sound(self, product: Path, files: Iterable[Path] | None = None) -> bool:
        """Tell whether a product is there, and as it was made: a file, or *files* of a folder."""
        return self.use(product) and not _damage(product, files)

    def sound_or_gone(self, product: Path, files: Iterable[Path] | None = None) -> bool:
        """Tell whether a product is sound; one that is not is reported and removed.

        Call it with the product's lock held, before the product is made again.
        """
        if not self.use(product):
            return False
        if damage := _damage(product, files):
            self.discard(product, damage)
        return not damage

    def discard(self, product: Path, why: str) -> None:
        """Remove a product that cannot be used, and tell the user so."""
        name = product.relative_to(self.root)
        sys.stderr.write(f"- {name} in the cache is damaged ({why}): it is made again\n")
        with self.guarded():
            _remove(product)

    def require_space(self, needed: int) -> None:
        """Raise :class:`CacheFullError` unless ``needed`` bytes are free."""
        free = shutil.disk_usage(self.folder()).free
        if free < needed:
            raise CacheFullError(self.root, f"{needed >> 20} MiB needed, {free >> 20} MiB free")


def _damage(product: Path, files: Iterable[Path] | None) -> str:
    try:
        if product.is_dir():
            check_folder(product, files)
        else:
            check_file(product)
    except SealError as error:
        return str(error)
    return ""


def _replace_folder(fresh: Path, final: Path) -> None:
    _remove(final)
    fresh.rename(final)


def _make_way(final: Path) -> None:
    """Remove a folder that lies where a file is to be."""
    if final.is_dir():
        _remove(final)


def _remove(product: Path) -> None:
    if product.is_dir() and not product.is_symlink():
        shutil.rmtree(product)
    else:
        product.unlink(missing_ok=True)
        seal_of(product).unlink(missing_ok=True)


def _holder(path: Path) -> str:
    """Which process has locked *path*.

    /proc/locks has lines as ``1: FLOCK  ADVISORY  WRITE 4711 fe:00:1234 0 EOF`` (proc(5)).
    """
    found = path.stat()
    file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for line in Path("/proc/locks").read_text(encoding="ascii").splitlines():
        words = line.split()
        if words[5:6] == [file] and words[1] == "FLOCK":
            return f"process {words[4]}"
    return "another process"
