"""A log of attempts, so that ``--resume`` repeats none with the same kernel, patch and harness."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.base import project
from harness.base.fingerprint import harness_fingerprint, key_of
from harness.guest.template import emulator
from harness.mutants.attempt import TrialSetup
from harness.mutants.mutant_catalogue import Mutant, MutantKind
from harness.mutants.score import Attempt, Detection


class AttemptLog:
    """The attempts on one kernel, in a file that gets a line when an attempt has ended."""

    def __init__(self, path: Path, kernel: str, setup: TrialSetup, *, resume: bool) -> None:
        self._path = path
        workload = repr(setup.plan), repr(setup.shape)
        self._base = key_of((kernel, emulator(setup.shape), *workload, harness_fingerprint()))
        self._known = dict(_read(path)) if resume else {}

    def known(self, mutant: Mutant) -> Attempt | None:
        """The logged attempt on *mutant*, if nothing that it depends on has changed since."""
        value = self._known.get(self._key(mutant))
        return None if value is None else _attempt(mutant, value)

    def add(self, attempt: Attempt) -> Attempt:
        """Append *attempt* to the file and return it."""
        value = {
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
            file.write(json.dumps(value) + "\n")
        return attempt

    def _key(self, mutant: Mutant) -> str:
        """A text that names everything that the attempt on *mutant* depends on."""
        patch = mutant.patch.read_text(encoding="utf-8") if mutant.patch.is_file() else ""
        needed = (project.SCENARIOS / f"{name}.kmap" for name in mutant.needs)
        scenarios = (path.read_text(encoding="utf-8") for path in needed)
        entry = (*mutant.files, *mutant.shape, str(mutant.kind is MutantKind.RACE))
        return key_of((self._base, mutant.name, patch, *entry, *scenarios))


def _read(path: Path) -> Iterable[tuple[str, dict[str, Any]]]:
    """The attempts in the file by key; a line that was cut off is skipped."""
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                value = json.loads(line)
            except ValueError:
                continue
            yield value["key"], value


def _attempt(mutant: Mutant, value: dict[str, Any]) -> Attempt:
    found = Detection(value["found"])
    build, run = value["seconds"]
    where, what, diff = value["where"], value["what"], value["diff"]
    return Attempt(mutant, found, where, what, diff, build, run, alone=value["alone"])
