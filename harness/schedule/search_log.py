"""A log of searches, so that ``--resume`` runs no schedule twice.

A program without a violation gets a line when its schedules are all run, or the time is over.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from harness.base.fingerprint import harness_fingerprint, key_of
from harness.guest.gate_wire import encode_gates
from harness.guest.schedule_wire import SearchDecision, SearchOutcome
from harness.schedule.program_search import SearchSpace

FILE: Final = "schedules.jsonl"


@dataclass(frozen=True, slots=True)
class LoggedSearch:
    """How far a search has come; ``decisions`` are where it goes on, ``outcomes`` digests."""

    schedules: int = 0
    steps: int = 0
    logs: int = 0
    complete: bool = False
    decisions: tuple[SearchDecision, ...] = ()
    outcomes: tuple[str, ...] = ()


class SearchLog:
    """The searches of one kernel on one machine, in a file of the output folder."""

    def __init__(self, folder: Path, kernel: str, machine: str, *, resume: bool) -> None:
        self._path = folder / FILE
        self._base = key_of((kernel, machine, harness_fingerprint()))
        self._known = dict(_read(self._path)) if resume else {}

    def known(self, space: SearchSpace) -> LoggedSearch:
        """How far the search has come; nowhere if anything that it depends on has changed."""
        value = self._known.get(self._key(space))
        return LoggedSearch() if value is None else _search(value)

    def add(self, space: SearchSpace, search: LoggedSearch) -> None:
        """Append how far the search of *space* has come."""
        value = {
            "key": self._key(space),
            "program": str(space.program),
            "schedules": search.schedules,
            "steps": search.steps,
            "logs": search.logs,
            "complete": search.complete,
            "decisions": search.decisions,
            "outcomes": search.outcomes,
        }
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps(value)}\n")

    def _key(self, space: SearchSpace) -> str:
        gates = encode_gates(space.gates).hex()
        return key_of((self._base, str(space.program), str(space.bound), gates))


def digest(outcome: SearchOutcome) -> str:
    """A short name of what an outcome shows."""
    return sha256(repr(outcome.what).encode()).hexdigest()[:16]


def _read(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """The lines by their keys; the last line may be cut short by a kill."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            value = json.loads(line)
        except ValueError:
            continue
        yield value["key"], value


def _search(value: dict[str, Any]) -> LoggedSearch:
    return LoggedSearch(
        value["schedules"],
        value["steps"],
        value["logs"],
        value["complete"],
        tuple(SearchDecision(*one) for one in value["decisions"]),
        tuple(value["outcomes"]),
    )
