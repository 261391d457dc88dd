"""Opens the file of a store: made, migrated and checked before anybody reads from it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.errors import InfrastructureError, PrerequisiteError, UsageError
from harness.store.store_schema import APPLICATION_ID, NEWEST, is_empty, migrate, number_in

BUSY_SECONDS = 60.0
"""How long a writer waits for another; each writes for milliseconds."""


class NoStoreError(UsageError):
    """The file is no store, or one that this version cannot read."""


class DamagedStoreError(InfrastructureError):
    """SQLite says that the file is damaged."""

    def __init__(self, path: Path, what: str) -> None:
        super().__init__(
            f"the store {path} is damaged: {what}",
            hint="move it away and restore a copy; 'sqlite3 FILE .recover' saves what is left",
        )


@contextmanager
def store_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors about *path* into the project's."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise PrerequisiteError(
            f"the store {path} cannot be used: {error}",
            hint="free space, let other writers end, or give --store another place",
        ) from error
    except sqlite3.DatabaseError as error:
        if "not a database" in str(error):
            raise NoStoreError(
                f"{path} is no store: {error}", hint="give --store another file"
            ) from error
        raise DamagedStoreError(path, str(error)) from error


def open_store_file(path: Path, *, make: bool) -> sqlite3.Connection:
    """Open *path*, made where it is not there and *make* says so.

    Raises NoStoreError, DamagedStoreError and PrerequisiteError.
    """
    if not make and not path.is_file():
        raise NoStoreError(f"there is no store {path}", hint="`nightly --store FILE` makes one")
    with store_errors(path):
        database = sqlite3.connect(path, BUSY_SECONDS, isolation_level=None)
        try:
            _prepare(database, path)
        except BaseException:
            database.close()
            raise
    return database


def _prepare(database: sqlite3.Connection, path: Path) -> None:
    """Look at what is there before anything is written; then migrate and check the file."""
    foreign = number_in(database, "application_id") != APPLICATION_ID
    if foreign and not is_empty(database):
        raise NoStoreError(
            f"{path} is a database of another program", hint="give --store another file"
        )
    version = number_in(database, "user_version")
    if version > NEWEST:
        raise NoStoreError(
            f"the store {path} has version {version}; this harness knows up to {NEWEST}",
            hint="use the harness that wrote it, or a newer one",
        )
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("PRAGMA foreign_keys = ON")
    migrate(database)
    _check(database, path)


def _check(database: sqlite3.Connection, path: Path) -> None:
    """Raise DamagedStoreError unless the file is whole."""
    (said,) = database.execute("PRAGMA integrity_check(1)").fetchone()
    if said != "ok":
        raise DamagedStoreError(path, str(said))
