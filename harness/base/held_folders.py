"""Folders that a process has for itself, or uses, until it ends.

The lock is flock(2) on the folder itself: the kernel gives it up with the process, however that
ends, and nothing is left on disk.
"""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from harness.base.output_files import UnwritableError, require_folder
from harness.errors import UsageError

LATEST = "latest"
"""The link beside the output folders: to the one that was made last."""
OUT = Path("out")
_TEMPORARY = ".new-"
_held: dict[Path, int] = {}


class FolderInUseError(UsageError):
    """Another process writes into the folder."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is the output folder of a command that has not ended",
            hint="wait for it, or give --out another folder",
        )


def output_folder(asked: Path | None, name: str, *about: str) -> Path:
    """A folder that no other process writes into: *asked*, or a new ``out/NAME-TIME-ABOUT``.

    ``out/latest`` leads to the new one.  Raises FolderInUseError and UnwritableError.
    """
    folder = require_folder(asked) if asked else _new(_plain("-".join((name, _now(), *about))))
    if not hold(folder, alone=True):
        raise FolderInUseError(folder)
    return folder


@contextmanager
def fresh_folder(parent: Path, name: str) -> Iterator[Path]:
    """A folder in *parent* where the product *name* is made, held and then removed with its rest.

    Raises OSError.  What a process that was killed leaves behind, remove_leftovers removes.
    """
    folder, descriptor = _fresh(parent, name)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_leftovers(root: Path) -> None:
    """Remove every half-made product in the folders below *root*, two deep, that no process holds.

    A file of somebody else stays where it is.
    """
    for pattern in (f"*/{_TEMPORARY}*", f"*/*/{_TEMPORARY}*"):
        for path in root.glob(pattern):
            with suppress(OSError):
                _remove_leftover(path)


def hold(folder: Path, *, alone: bool = False) -> bool:
    """Hold *folder*, or a file, until this process ends: *alone*, or with others that use it.

    False where it is not there, or another process holds it in a way that excludes this one.
    """
    folder = folder.absolute()
    if folder in _held and _is_same(_held[folder], folder):
        return True
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    if not _locked(descriptor, fcntl.LOCK_EX if alone else fcntl.LOCK_SH):
        os.close(descriptor)
        return False
    if folder in _held:  # a folder that is gone, in whose place this one is
        os.close(_held.pop(folder))
    _held[folder] = descriptor
    return True


def let_go(root: Path) -> None:
    """Let go of everything below *root* that ``hold`` has: a process may go on after a command.

    Each held folder keeps a descriptor open.
    """
    for folder in [one for one in _held if one.is_relative_to(root.absolute())]:
        os.close(_held.pop(folder))


def is_held(folder: Path) -> bool:
    """Tell whether some process, this one among them, holds *folder*."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _locked(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def _fresh(parent: Path, name: str) -> tuple[Path, int]:
    """A new folder and its lock; another where a process that clears up was quicker."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"{_TEMPORARY}{name}-", dir=parent))
        with suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
            if _locked(descriptor, fcntl.LOCK_SH) and _is_same(descriptor, folder):
                return folder, descriptor
            os.close(descriptor)


def _remove_leftover(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        if not _locked(descriptor, fcntl.LOCK_EX):
            return
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    finally:
        os.close(descriptor)


def _locked(descriptor: int, how: int) -> bool:
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_same(descriptor: int, folder: Path) -> bool:
    """Tell whether the folder of an open descriptor is still the one of that name."""
    try:
        return os.path.samestat(os.fstat(descriptor), folder.stat())
    except OSError:
        return False


def _new(name: str) -> Path:
    """Make a folder below ``out`` that was not there, and let ``out/latest`` lead to it."""
    require_folder(OUT)
    folder, number = OUT / name, 1
    try:
        while not _made(folder):
            number += 1
            folder = OUT / f"{name}.{number}"
        _lead_to(folder)
    except OSError as error:
        raise UnwritableError(folder, error) from error
    return folder


def _lead_to(folder: Path) -> None:
    """Let ``out/latest`` lead to *folder*."""
    link = OUT / f".{LATEST}-{os.getpid()}"
    try:
        link.symlink_to(folder.name)
        with suppress(OSError):  # a folder of that name is somebody else's
            link.replace(OUT / LATEST)
    finally:
        link.unlink(missing_ok=True)


def _made(folder: Path) -> bool:
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def _now() -> str:
    return time.strftime("%Y%m%d-%H%M%S")


def _plain(name: str) -> str:
    """*name* as one component of a path."""
    return "".join(letter if letter.isalnum() or letter in "-._" else "-" for letter in name)
