"""Result files: written whole or not at all, and tried before the work that fills them."""

from collections.abc import Iterable
from pathlib import Path

from harness.errors import PrerequisiteError

_PARTIAL = ".partial"


class UnwritableError(PrerequisiteError):
    """A result cannot be written where it was asked for."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            f"{path} cannot be written: {error.strerror or error}",
            hint="choose another place, or free some space there",
        )


def write_whole(path: Path, text: str) -> None:
    """Write *text*; a regular file appears whole or not at all, a device or pipe is written to.

    Raises UnwritableError.
    """
    partial = path.with_name(path.name + _PARTIAL)
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")
            return
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableError(path, error) from error


def require_writable(paths: Iterable[Path]) -> None:
    """Make the folders of *paths*, and try to write to each path.

    Raises UnwritableError for the first that cannot be written.
    """
    for path in paths:
        try:
            there = path.exists()
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab"):
                pass
            if not there:
                path.unlink()
        except OSError as error:
            raise UnwritableError(path, error) from error


def require_folder(path: Path) -> Path:
    """*path* as a folder, made where it is not there.  Raises UnwritableError."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableError(path, error) from error
    return path
