"""The command line that shows one program of a stored run again."""

import shlex
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from harness.base import project
from harness.store.store_records import StoredRun

_KEPT = ("--kernel", "--build-dir", "--shape", "--seed", "--case", "--known-bugs")
"""Options of a job that its programs need, too."""


def reproducing_words(run: StoredRun, report: Mapping[str, Any], program: str) -> str:
    """The shortest command that runs *program*; that of the whole job where none is shorter."""
    words = shlex.split(run.reproduce)
    named = tuple(_naming(words[1], report, program))
    if not named:
        return run.reproduce
    return shlex.join((*words[:2], *_kept(words[2:]), *named))


def _naming(command: str, report: Mapping[str, Any], program: str) -> Iterator[str]:
    """The options that name *program*: a file that was kept, a scenario of ours, or a case."""
    if command == "broken-rules" and program:
        yield from ("--case", program)
    if command != "run" or not program:
        return
    files = [one.get("file") for one in report.get("programs", ()) if one["name"] == program]
    if any(files):
        yield from ("--scenario", next(filter(None, files)))
    elif any(project.SCENARIOS.rglob(f"{program}.kmap")):
        yield from ("--scenario", program)


def _kept(words: list[str]) -> Iterator[str]:
    """The options of the job that a single program needs."""
    for option, value in pairwise(words):
        if option in _KEPT:
            yield from (option, value)
    if "--throwaway" in words:
        yield "--throwaway"
