"""Kernel messages of many runs, grouped by fingerprint: for triage.  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass

from harness.store.store_records import RunFinding, StoredRun

_KINDS = ("message", "crash")


@dataclass(frozen=True, slots=True)
class MessageGroup:
    """Messages that differ in numbers only; ``text`` is the newest of them."""

    fingerprint: str
    text: str
    times: int
    first: str
    last: str
    jobs: tuple[str, ...]


def grouped_messages(runs: Iterable[StoredRun]) -> tuple[MessageGroup, ...]:
    """The messages of *runs*, the oldest night first: those seen last, and most often, first."""
    found: dict[str, list[tuple[StoredRun, RunFinding]]] = {}
    order: dict[str, int] = {}
    for run in runs:
        order.setdefault(run.night, len(order))
        for one in run.findings:
            if one.kind in _KINDS:
                found.setdefault(one.fingerprint, []).append((run, one))
    groups = (_group(name, seen) for name, seen in found.items())
    return tuple(sorted(groups, key=lambda one: (-order[one.last], -one.times, one.text)))


def _group(fingerprint: str, seen: list[tuple[StoredRun, RunFinding]]) -> MessageGroup:
    (first, _), (last, newest) = seen[0], seen[-1]
    jobs = tuple(dict.fromkeys(run.job for run, _ in seen))
    return MessageGroup(fingerprint, newest.text, len(seen), first.night, last.night, jobs)
