"""The tables of the store, and the steps from each older version to the newest.

``PRAGMA user_version`` is the number of migrations that a file has seen.  A migration is never
changed after a release: a new one is added below it.
"""

import sqlite3
from typing import Final

APPLICATION_ID: Final = 0x6B6D6170
"""``kmap`` in ASCII: says that an SQLite file is a store."""

_FIRST: Final = (
    """CREATE TABLE night (
        id INTEGER PRIMARY KEY,
        name TEXT NOT NULL UNIQUE,
        began TEXT NOT NULL,
        ended TEXT NOT NULL DEFAULT '',
        command TEXT NOT NULL)""",
    """CREATE TABLE planned (
        night INTEGER NOT NULL REFERENCES night,
        key TEXT NOT NULL,
        job TEXT NOT NULL,
        left_out TEXT NOT NULL DEFAULT '',
        PRIMARY KEY (night, key)) WITHOUT ROWID""",
    """CREATE TABLE run (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        night INTEGER NOT NULL REFERENCES night,
        job TEXT NOT NULL,
        suite TEXT NOT NULL,
        inputs TEXT NOT NULL,
        verdict TEXT NOT NULL,
        exit_code INTEGER NOT NULL,
        steps INTEGER NOT NULL,
        seconds REAL NOT NULL,
        ended TEXT NOT NULL,
        seed INTEGER NOT NULL,
        folder TEXT NOT NULL,
        reproduce TEXT NOT NULL,
        kernel TEXT NOT NULL,
        release TEXT NOT NULL,
        build TEXT NOT NULL,
        config TEXT NOT NULL,
        compiler TEXT NOT NULL,
        machine TEXT NOT NULL,
        qemu TEXT NOT NULL,
        qemu_command TEXT NOT NULL,
        module TEXT NOT NULL,
        harness TEXT NOT NULL,
        host TEXT NOT NULL,
        report BLOB NOT NULL)""",
    "CREATE INDEX run_by_job ON run (job, night)",
    """CREATE TABLE finding (
        run INTEGER NOT NULL REFERENCES run,
        number INTEGER NOT NULL,
        program TEXT NOT NULL,
        kind TEXT NOT NULL,
        step INTEGER NOT NULL,
        text TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        PRIMARY KEY (run, number)) WITHOUT ROWID""",
    "CREATE INDEX finding_by_fingerprint ON finding (fingerprint)",
)

MIGRATIONS: Final = (_FIRST,)
NEWEST: Final = len(MIGRATIONS)


def number_in(database: sqlite3.Connection, pragma: str) -> int:
    """The value of a pragma of the file that is a number."""
    (value,) = database.execute(f"PRAGMA {pragma}").fetchone()
    return int(value)


def is_empty(database: sqlite3.Connection) -> bool:
    """Tell whether the file has no table yet."""
    return database.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone() is None


def migrate(database: sqlite3.Connection) -> None:
    """Bring the file to the newest version; a kill leaves the version before, whole."""
    while number_in(database, "user_version") < NEWEST:
        with database:
            database.execute("BEGIN IMMEDIATE")
            _next_version(database)


def _next_version(database: sqlite3.Connection) -> None:
    """Apply one migration, unless another process was quicker."""
    version = number_in(database, "user_version")
    if version == NEWEST:
        return
    for statement in MIGRATIONS[version]:
        database.execute(statement)
    database.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    database.execute(f"PRAGMA user_version = {version + 1}")
