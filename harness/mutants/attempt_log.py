"""Attempts on record: what was tried with the same kernel, patch and harness need not be tried again."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.base import project
from harness.guest.template import emulator
from harness.mutants.attempt import TrialSetup
from harness.mutants.mutant_catalogue import Mutant
from harness.mutants.score import Attempt, Detection

_SOURCES = (project.PACKAGE, project.MODULE_SOURCES, project.AGENT_SOURCES)
_SUFFIXES = frozenset({".py", ".toml", ".c", ".h"})


class AttemptLog:
    """The attempts of one kernel in a file, a line for each as soon as it is over."""

    def __init__(self, path: Path, kernel: str, means: TrialSetup, *, resume: bool) -> None:
        self._path = path
        self._base = _digest((kernel, emulator(), *_means(means), *_harness()))
        self._known = dict(_read(path)) if resume else {}

    def known(self, mutant: Mutant) -> Attempt | None:
        """What was found of the mutant, where nothing that matters has changed since."""
        said = self._known.get(self._key(mutant))
        return None if said is None else _attempt(mutant, said)

    def keep(self, attempt: Attempt) -> Attempt:
        """Write the attempt down."""
        said = {
            "key": self._key(attempt.mutant),
            "name": attempt.mutant.name,
            "found": attempt.found.value,
            "where": attempt.where,
            "what": attempt.what,
            "diff": attempt.diff,
            "seconds": (attempt.build, attempt.run),
            "alone": attempt.alone,
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(said) + "\n")
        return attempt

    def _key(self, mutant: Mutant) -> str:
        patch = mutant.patch.read_text(encoding="utf-8") if mutant.patch.is_file() else ""
        needs = (project.SCENARIOS / f"{name}.kmap" for name in mutant.needs)
        scenarios = (path.read_text(encoding="utf-8") for path in needs)
        return _digest(
            (
                self._base,
                mutant.name,
                patch,
                *mutant.files,
                *mutant.shape,
                mutant.regime,
                *scenarios,
            )
        )


def _read(path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    """The lines of the file; one that was cut off is passed over."""
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                continue
            yield said["key"], said


def _attempt(mutant: Mutant, said: dict[str, Any]) -> Attempt:
    found = Detection(said["found"])
    build, run = said["seconds"]
    return Attempt(
        mutant, found, said["where"], said["what"], said["diff"], build, run, alone=said["alone"]
    )


def _means(means: TrialSetup) -> tuple[str, ...]:
    """What is run on every mutant, and on which machine."""
    return repr(means.plan), repr(means.shape)


def _harness() -> Iterable[str]:
    """The sources of everything that builds, runs and judges."""
    for folder in _SOURCES:
        for path in sorted(folder.rglob("*")):
            if path.suffix in _SUFFIXES:
                yield path.read_text(encoding="utf-8")


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]
