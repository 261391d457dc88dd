"""The store: what nights were planned, and each result once.

``add`` is the only place where a result becomes one: a row whose key is there already is left as
it is, so that no result is doubled, and a result is there whole or not at all, whoever is killed.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any, Final, Self

from harness.store.store_file import open_store_file, store_errors
from harness.store.store_records import (
    PlannedJob,
    Provenance,
    RunFinding,
    StoredNight,
    StoredRun,
)

_FACTS: Final = tuple(
    one.name
    for one in fields(StoredRun)
    if one.name not in ("night", "provenance", "findings", "report")
)
_ORIGIN: Final = tuple(one.name for one in fields(Provenance))
_FINDING: Final = tuple(one.name for one in fields(RunFinding))
_CHOSEN: Final = (
    "FROM run JOIN night ON night.id = run.night"
    " WHERE ? IN ('', night.name) AND ? IN ('', run.job)"
)
"""The runs of a night and of a job; an empty name stands for all."""


class Store:
    """One open store; a context manager that closes it."""

    def __init__(self, path: Path, *, make: bool = False) -> None:
        self.path = path
        self._database = open_store_file(path, make=make)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *ended: object) -> None:
        self._database.close()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is written, or nothing."""
        with store_errors(self.path), self._database:
            self._database.execute("BEGIN IMMEDIATE")
            yield self._database

    def _rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with store_errors(self.path):
            return self._database.execute(query, values).fetchall()

    # -- what is written

    def begin(self, night: StoredNight, jobs: Iterable[PlannedJob]) -> None:
        """Write down *night* and its jobs; what is there already stays."""
        with self._writing() as database:
            database.execute(
                "INSERT OR IGNORE INTO night (name, began, ended, command) VALUES (?, ?, ?, ?)",
                astuple(night),
            )
            database.executemany(
                "INSERT INTO planned (night, key, job, left_out)"
                " VALUES ((SELECT id FROM night WHERE name = ?), ?, ?, ?) ON CONFLICT DO NOTHING",
                [(night.name, *astuple(one)) for one in jobs],
            )

    def add(self, run: StoredRun) -> bool:
        """Write *run*, whose night has begun, unless its key is there; return whether it was not.

        When this returns, the result survives the end of the process.
        """
        with self._writing() as database:
            columns = ("night", *_FACTS, *_ORIGIN, "report")
            marks = ", ".join("?" * (len(columns) - 1))
            values = (run.night, *(getattr(run, name) for name in _FACTS))
            done = database.execute(
                f"INSERT INTO run ({', '.join(columns)}) VALUES"
                f" ((SELECT id FROM night WHERE name = ?), {marks}) ON CONFLICT (key) DO NOTHING",
                (*values, *astuple(run.provenance), _packed(run.report)),
            )
            if done.rowcount == 1:
                _add_findings(database, done.lastrowid, run.findings)
            return done.rowcount == 1

    def end(self, night: str, ended: str, left_out: Mapping[str, str]) -> None:
        """Write down when *night* ended, and why jobs were left out, by key."""
        with self._writing() as database:
            database.execute("UPDATE night SET ended = ? WHERE name = ?", (ended, night))
            database.execute(
                "UPDATE planned SET left_out = ''"
                " WHERE night = (SELECT id FROM night WHERE name = ?)",
                (night,),
            )
            database.executemany(
                "UPDATE planned SET left_out = ?"
                " WHERE key = ? AND night = (SELECT id FROM night WHERE name = ?)",
                [(why, key, night) for key, why in left_out.items()],
            )

    # -- what is read

    def nights(self) -> tuple[StoredNight, ...]:
        """Every night, the oldest first."""
        query = "SELECT name, began, ended, command FROM night ORDER BY began, id"
        return tuple(StoredNight(*row) for row in self._rows(query))

    def planned(self, night: str) -> tuple[PlannedJob, ...]:
        """The jobs of *night*, by name."""
        rows = self._rows(
            "SELECT key, job, left_out FROM planned"
            " WHERE night = (SELECT id FROM night WHERE name = ?) ORDER BY job",
            night,
        )
        return tuple(PlannedJob(*row) for row in rows)

    def keys(self) -> frozenset[str]:
        """The keys of all results."""
        return frozenset(key for (key,) in self._rows("SELECT key FROM run"))

    def runs(self, night: str = "", job: str = "") -> tuple[StoredRun, ...]:
        """The runs of *night* and of *job*, or of all; the oldest night first, then by job.

        They come without their reports.
        """
        columns = ", ".join(f"run.{one}" for one in (*_FACTS, *_ORIGIN))
        rows = self._rows(
            f"SELECT run.id, night.name, {columns} {_CHOSEN}"
            " ORDER BY night.began, night.id, run.job, run.id",
            night,
            job,
        )
        found = self._findings(night, job)
        return tuple(_run(row, found.get(row[0], ())) for row in rows)

    def _findings(self, night: str, job: str) -> Mapping[int, list[RunFinding]]:
        """The findings of the runs, by the number of the run."""
        found: dict[int, list[RunFinding]] = {}
        query = (
            f"SELECT run, {', '.join(_FINDING)} FROM finding"
            f" WHERE run IN (SELECT run.id {_CHOSEN}) ORDER BY run, number"
        )
        for number, *values in self._rows(query, night, job):
            found.setdefault(number, []).append(RunFinding(*values))
        return found

    def report(self, key: str) -> Mapping[str, Any]:
        """What the job of that key wrote; empty where there is no such run."""
        rows = self._rows("SELECT report FROM run WHERE key = ?", key)
        return _unpacked(rows[0][0]) if rows else {}

    def seconds(self) -> Mapping[str, float]:
        """How long each job has taken, in the mean of its runs; and each suite, by its name."""
        jobs = self._rows("SELECT job, AVG(seconds) FROM run GROUP BY job")
        suites = self._rows("SELECT suite, AVG(seconds) FROM run GROUP BY suite")
        return dict([*suites, *jobs])


def _add_findings(
    database: sqlite3.Connection, run: int | None, findings: Iterable[RunFinding]
) -> None:
    database.executemany(
        f"INSERT INTO finding (run, number, {', '.join(_FINDING)}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(run, number, *astuple(one)) for number, one in enumerate(findings)],
    )


def _run(row: tuple[Any, ...], findings: Iterable[RunFinding]) -> StoredRun:
    _, night, *values = row
    facts = dict(zip(_FACTS, values, strict=False))
    origin = Provenance(*values[len(_FACTS) :])
    return StoredRun(**facts, night=night, provenance=origin, findings=tuple(findings))


def _packed(report: Mapping[str, Any]) -> bytes:
    return zlib.compress(json.dumps(report, sort_keys=True, default=list).encode())


def _unpacked(data: bytes) -> Mapping[str, Any]:
    value: Mapping[str, Any] = json.loads(zlib.decompress(data))
    return value
