"""The suites of a night: the only place below the commands that spells command lines.

Scenarios are named as users name them, never by a path: jobs have the same key on every machine.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness.base import project


@dataclass(frozen=True, slots=True)
class SuiteEffort:
    """How much is done: steps of each run, operations of histories; 0 leaves a kind out."""

    steps: int = 20_000
    abstract: int = 20_000
    histories: int = 1_000_000
    known_bugs: Path | None = None


Words = Callable[[SuiteEffort, int, bool], Iterator[str]]
"""The words of a suite for an effort, a seed, and whether this is the first round."""


@dataclass(frozen=True, slots=True)
class NightSuite:
    """One kind of job.

    ``shape`` is the machine of a suite that runs once for each kernel, ``None`` where the suite
    runs on every machine of its set; ``shaped`` says whether its command takes one.
    """

    name: str
    command: str
    words: Words
    shape: str | None = None
    shaped: bool = True
    rounds: bool = field(default=False)
    """Tell whether a later round, from another seed, finds more."""


def _conformance(effort: SuiteEffort, seed: int, first: bool) -> Iterator[str]:
    yield from _generated(effort, seed)
    if first:
        yield from ("--abstract", str(effort.abstract))
    yield from _known_bugs(effort)


def _contexts(effort: SuiteEffort, seed: int, first: bool) -> Iterator[str]:
    """What is the same whatever the seed is run in the first round only."""
    yield from _generated(effort, seed)
    if first:
        yield "--throwaway"
        yield from ("--scenario", project.SCENARIOS.name, "--scenario", "sweeps")
        yield from ("--abstract", str(effort.abstract))
    yield from _known_bugs(effort)


def _fuzz(effort: SuiteEffort, seed: int, first: bool) -> Iterator[str]:
    """Generated programs only, but for the scenario by which a run begins."""
    del first
    yield from _generated(effort, seed)
    yield from ("--scenario", "first-state")
    yield from _known_bugs(effort)


def _histories(effort: SuiteEffort, seed: int, first: bool) -> Iterator[str]:
    del first
    yield from ("--seed", str(seed), "--operations", str(effort.histories))


def _schedules(effort: SuiteEffort, seed: int, first: bool) -> Iterator[str]:
    del effort, seed, first
    yield from ("--bound", "3", "--time", "1h")


def _nothing_more(effort: SuiteEffort, seed: int, first: bool) -> Iterator[str]:
    del effort, seed, first
    yield from ()


def _generated(effort: SuiteEffort, seed: int) -> Iterator[str]:
    yield from ("--seed", str(seed), "--steps", str(effort.steps))


def _known_bugs(effort: SuiteEffort) -> Iterator[str]:
    if effort.known_bugs:
        yield from ("--known-bugs", str(effort.known_bugs))


_ALL: Final = (
    NightSuite("conformance", "run", _conformance, rounds=True),
    NightSuite("contexts", "run", _contexts, rounds=True),
    NightSuite("fuzz", "run", _fuzz, rounds=True),
    NightSuite("histories", "histories", _histories, shape="smp=2,parallel"),
    NightSuite("schedules", "schedules", _schedules, shape="smp=4"),
    NightSuite("claims", "claims", _nothing_more, shape="", shaped=False),
    NightSuite("broken-rules", "broken-rules", _nothing_more, shape=""),
    NightSuite("mutants", "mutants", _nothing_more, shape="smp=2"),
)
SUITES: Final[Mapping[str, NightSuite]] = {suite.name: suite for suite in _ALL}
