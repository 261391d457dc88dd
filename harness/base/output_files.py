"""Result files: written whole or not at all, and tried before the work that fills them."""

import errno
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from harness.errors import PrerequisiteError, UsageError

STANDARD_OUTPUT = Path("-")
"""A result with this name goes to standard output instead of to a file."""
_PARTIAL = ".partial"


class UnwritableError(PrerequisiteError):
    """A result cannot be written where it was asked for."""

    def __init__(self, path: Path, error: OSError) -> None:
        nobody = error.errno == errno.ENXIO and path.is_fifo()
        why = "nobody reads from the pipe" if nobody else error.strerror or error
        super().__init__(
            f"{path} cannot be written: {why}",
            hint="choose another place, or free some space there",
        )


def write_whole(path: Path, text: str) -> None:
    """Write *text*; a regular file appears whole or not at all, a device or pipe is written to.

    ``-`` is standard output.  Raises UnwritableError.
    """
    if path == STANDARD_OUTPUT:
        sys.stdout.write(text)
        return
    partial = path.with_name(path.name + _PARTIAL)
    try:
        if path.exists() and not path.is_file():
            _send(path, text)
            return
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableError(path, error) from error


def _send(path: Path, text: str) -> None:
    """Write to a device or pipe; a pipe that nobody reads is refused, not waited for."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    os.set_blocking(descriptor, True)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def require_writable(paths: Iterable[Path]) -> None:
    """Make the folders of *paths*, and try to write to each path.

    Raises UnwritableError for the first that cannot be written, and UsageError where two results
    would be written to one file.
    """
    seen: set[Path] = set()
    for path in paths:
        if path != STANDARD_OUTPUT:
            _try(path)
        real = path if path == STANDARD_OUTPUT else path.resolve()
        if real in seen and not path.is_char_device():
            raise UsageError(
                f"two results would be written to {path}", hint="give each a file of its own"
            )
        seen.add(real)


def _try(path: Path) -> None:
    """Make the folder of *path*, and open it for writing.  Raises UnwritableError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _open_once(path)
    except OSError as error:
        raise UnwritableError(path, error) from error


def _open_once(path: Path) -> None:
    there = path.exists()
    if path.is_fifo():
        # Never closed: the reader would take that for the end of the result.
        os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        return
    with path.open("ab"):
        pass
    if not there:
        path.unlink()


def require_folder(path: Path) -> Path:
    """*path* as a folder, made where it is not there.  Raises UnwritableError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableError(path, error) from error
    return path
