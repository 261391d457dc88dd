"""What is remembered from run to run, and the known survivors with their reasons."""

import hashlib
import json
import tomllib
from collections.abc import Iterable
from typing import Any, NamedTuple

from tests.mutation.suite import ROOT, Measured, Verdict

FOLDER = ROOT / ".mutation"
SURVIVORS = ROOT / "tests" / "mutation" / "survivors"
"""A file for each module of the model that has some."""


class Survivor(NamedTuple):
    """A mutant that changes nothing that can be seen, and why."""

    key: str
    reason: str


def survivors() -> list[Survivor]:
    """The known survivors."""
    tables = [tomllib.loads(path.read_text()) for path in sorted(SURVIVORS.glob("*.toml"))]
    entries = [entry for table in tables for entry in table["survivor"]]
    return [Survivor(key, entry["reason"]) for entry in entries for key in entry["mutants"]]


def digest(text: str) -> str:
    """A short name of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def test_files(paths: Iterable[str]) -> dict[str, str]:
    """Digest of each test file."""
    return {path: digest((ROOT / path).read_text()) for path in paths}


def file_of(test: str) -> str:
    """File of a test."""
    return test.split("::", 1)[0]


class Results:
    """Verdicts of earlier runs, one line each; the last one of a mutant counts."""

    def __init__(self, *, fresh: bool) -> None:
        self.path = FOLDER / "results.jsonl"
        FOLDER.mkdir(exist_ok=True)
        if fresh:
            self.path.unlink(missing_ok=True)
        self.by_key: dict[str, dict[str, Any]] = {}
        if self.path.exists():
            for line in self.path.read_text().splitlines():
                entry = json.loads(line)
                self.by_key[entry["key"]] = entry

    def add(self, key: str, verdict: Verdict, function: str, files: dict[str, str]) -> None:
        """Note a verdict, and the test files it rests on."""
        entry = {
            "key": key,
            "word": verdict.word,
            "by": verdict.by,
            "function": function,
            "files": files,
        }
        self.by_key[key] = entry
        with self.path.open("a") as out:
            out.write(json.dumps(entry) + "\n")

    def known(self, key: str, function: str, files: dict[str, str]) -> dict[str, Any] | None:
        """What is known of a mutant, where its function has not changed nor the test that killed
        it.
        """
        entry = self.by_key.get(key)
        if entry is None or entry["function"] != function:
            return None
        if entry["word"] != "survived":
            by = file_of(entry["by"])
            return entry if by not in files or entry["files"].get(by) == files[by] else None
        return entry


class Measures:
    """How long each test takes and what it calls, as of its file's present text."""

    def __init__(self, *, fresh: bool) -> None:
        self.path = FOLDER / "tests.json"
        FOLDER.mkdir(exist_ok=True)
        self.known: dict[str, Any] = {}
        if self.path.exists() and not fresh:
            self.known = json.loads(self.path.read_text())

    def get(self, test: str, file: str) -> Measured | None:
        """What is known of *test*, whose file has digest *file*."""
        entry = self.known.get(test)
        if entry is None or entry["file"] != file:
            return None
        return Measured(entry["seconds"], frozenset(entry["functions"]))

    def put(self, test: str, file: str, measured: Measured) -> None:
        """Note a measurement."""
        functions = sorted(measured.functions)
        self.known[test] = {"file": file, "seconds": measured.seconds, "functions": functions}

    def save(self) -> None:
        """Keep them for the next run."""
        self.path.write_text(json.dumps(self.known))
