"""TOML files of the project, read with errors that say which file is wrong, and where."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from harness.errors import UsageError


def read_toml(path: Path | Traversable) -> dict[str, Any]:
    """The content of a TOML file.  Raises UsageError, which names file, line and column."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise TomlFileError(path, f"it cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:  # not TOML, or not UTF-8
        raise TomlFileError(path, f"it is not TOML: {error}") from error


@contextmanager
def entries_of(path: Path | Traversable) -> Iterator[None]:
    """Turn what a wrong entry of *path* leads to in this block into an error that names it."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TomlFileError(path, f"an entry is wrong: {type(error).__name__}: {error}") from error


class TomlFileError(UsageError):
    """A TOML file cannot be used."""

    def __init__(self, path: Path | Traversable, why: str) -> None:
        super().__init__(f"{path}: {why}", hint="mend the file, or take the repository's own")
