"""Brings the nights of other stores into one: of shards, or of several machines."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness.store.store import Store
from harness.store.store_records import StoredNight, StoredRun


@dataclass(frozen=True, slots=True)
class Merged:
    """How many runs were added, and how many were there already."""

    added: int
    there: int


def merge_stores(into: Store, paths: Iterable[Path]) -> Merged:
    """Add every run of the stores *paths* to *into*; what is there stays as it is.

    A night of the same name is the same night.  A merge that is killed is simply done again.
    """
    added = there = 0
    for path in paths:
        with Store(path) as other:
            for night in other.nights():
                _begin(into, other, night)
            for run in _whole_runs(other):
                if into.add(run):
                    added += 1
                else:
                    there += 1
    return Merged(added, there)


def _begin(into: Store, other: Store, night: StoredNight) -> None:
    """The plan of *night*; a job that one shard left to another is not left out."""
    into.begin(night, (replace(one, left_out="") for one in other.planned(night.name)))
    done = into.keys() | other.keys()
    planned = (*into.planned(night.name), *other.planned(night.name))
    left_out = {one.key: one.left_out for one in planned if one.left_out and one.key not in done}
    if night.ended:
        into.end(night.name, night.ended, left_out)


def _whole_runs(other: Store) -> Iterator[StoredRun]:
    for run in other.runs():
        yield replace(run, report=other.report(run.key))
