"""A corpus: a folder of programs that reached something new, replayed when fuzzing begins again.

A program's file is named by its content.  ``new-`` has the program as it was drawn, ``reach-`` its
smallest form that still reaches what was new, ``found-`` the smallest program of a failure.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.base.output_files import require_folder, write_whole
from harness.fuzz.fuzzed_guest import Start
from harness.fuzz.program_source import Reaching
from harness.fuzz.shrinker import shrunk
from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.program import Program
from harness.scenario.program_text import program_text
from harness.scenario.scenario_error import ScenarioError
from harness.scenario.scenario_parser import read_scenario

NEW: Final = "new"
REACH: Final = "reach"
FOUND: Final = "found"
ATTEMPTS: Final = 16
"""Runs that shrinking one program may take."""
_TITLES: Final = {
    NEW: "fuzzing: reached something new",
    REACH: "fuzzing: the smallest program that reaches something",
}


class Corpus:
    """The programs in *folder*, which is made where it is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = require_folder(folder)

    def programs(self, facts: Facts) -> Iterator[Program]:
        """The programs that a guest with these *facts* can run, found failures first.

        One that another kernel reached may name what this one lacks.  Raises ScenarioError for a
        file that is no scenario.
        """
        for path in sorted(self.folder.glob("*.kmap")):
            scenario = read_scenario(path)
            try:
                program = lower(scenario, facts)
            except ScenarioError:
                continue
            if isinstance(program, Program):
                yield Program(program.name, program.tasks, program.pools, program.operations)

    def keep(self, program: Program, kind: str) -> Path:
        """Write *program* to its file."""
        titled = replace(program, title=_TITLES.get(kind, program.title))
        path = self._file(program, kind)
        if not path.exists():
            write_whole(path, program_text(titled))
        return path

    def keep_new(self, reached: Iterable[Reaching]) -> tuple[Reaching, ...]:
        """Write the programs whose smallest form is not there yet, and return them."""
        large = tuple(one for one in reached if not self._is_small(one.program))
        for one in large:
            self.keep(one.program, NEW)
        return large

    def put_small(self, large: Program, small: Program | None) -> None:
        """Put *small* in the place of *large*; None: it does not reach anything when alone."""
        if small:
            self.keep(small, REACH)
        self._file(large, NEW).unlink(missing_ok=True)

    def _is_small(self, program: Program) -> bool:
        small = program.name.startswith((f"{REACH}-", f"{FOUND}-"))
        return small and (self.folder / f"{program.name}.kmap").exists()

    def _file(self, program: Program, kind: str) -> Path:
        plain = Program("", program.tasks, program.pools, program.operations, title=kind)
        digest = hashlib.sha256(program_text(plain).encode()).hexdigest()
        return self.folder / f"{kind}-{digest[:16]}.kmap"


def minimise(
    corpus: Corpus, large: Iterable[Reaching], start: Start, ended: Callable[[], bool]
) -> int:
    """Shrink programs that reached something new until *ended*; return how many were shrunk.

    The rest keeps its files, and the next campaign goes on with it.
    """
    done = 0
    for one in large:
        if ended():
            break
        corpus.put_small(one.program, _smallest(start, one, ended))
        done += 1
    return done


def _smallest(start: Start, one: Reaching, ended: Callable[[], bool]) -> Program | None:
    """The smallest program found that reaches, alone in a guest, what *one* reaches there."""
    with start() as guest:
        layout, wanted = guest.layout, one.features & guest.run(one.program).features

    def reaches(candidate: Program) -> int:
        if ended():
            return 0
        with start() as fresh:
            reached = wanted <= fresh.run(candidate).features
        return len(candidate.operations) * reached

    return shrunk(one.program, layout, reaches, ATTEMPTS) if wanted else None
