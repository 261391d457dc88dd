"""``kmap-harness mutants``: which of the known mistakes the harness reports, and which it
misses.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from textwrap import wrap
from typing import Annotated

import typer

from harness.base import project
from harness.base.cache import Cache
from harness.base.held_folders import output_folder
from harness.base.output_files import STANDARD_OUTPUT
from harness.base.progress import Progress
from harness.cli.options import (
    KERNEL_HELP,
    LIST_HELP,
    RESUME_HELP,
    Debug,
    Json,
    Machine,
    Out,
    Seed,
    Silence,
    Steps,
)
from harness.cli.output import CommandOutput, shown_progress, write_json
from harness.errors import UsageError
from harness.guest.shape_words import parse_shape
from harness.kernel.build_recipe import BuildRecipe, recipes
from harness.mutants.attempt import TrialSetup
from harness.mutants.attempt_log import AttemptLog
from harness.mutants.mutant_catalogue import Mutant, read_catalogue
from harness.mutants.score import Attempt, Score
from harness.mutants.shared_tree import open_shared_tree
from harness.mutants.trials import Trials
from harness.report.folding import WIDTH
from harness.report.score_report import attempt_line, score_lines, score_value
from harness.report.score_table import read_scores, table_lines
from harness.run.programs import read_plan
from harness.run.scenario_files import scenario_files

_BREAKS_AT = 49
"""The column of the list at which the text begins that says what a mutant breaks."""
Names = Annotated[
    list[str] | None,
    typer.Argument(
        help="Parts of names, or entries of docs/bugs.md such as P25. Default: the catalogue."
    ),
]
SourceKernel = Annotated[
    str, typer.Option("--kernel", help=f"{KERNEL_HELP} One that is built from source.")
]
Listing = Annotated[bool, typer.Option("--list", help=f"{LIST_HELP} The list is the catalogue.")]
Tables = Annotated[
    list[Path] | None,
    typer.Option(
        help="Only print the tables of the docs, made from a file that --json has written; "
        "may be repeated: of one mutant on one kernel the last file counts."
    ),
]
Operators = Annotated[
    bool,
    typer.Option(
        "--operators", help="Try every simple mistake in mm/highmem.c instead of the catalogue."
    ),
]
Apart = Annotated[
    bool,
    typer.Option(
        "--apart",
        help="Build and boot a kernel for each mutant, not a common kernel for all of them.",
    ),
]
Every = Annotated[
    int, typer.Option(min=1, help="With --operators: try only every Nth mutant.", metavar="N")
]
Resume = Annotated[
    bool,
    typer.Option(
        "--resume",
        help=f"{RESUME_HELP} They count if they are of the same kernel, patch and harness.",
    ),
]


def mutants(
    names: Names = None,
    kernel: SourceKernel = "6.1-pae",
    show: Listing = False,
    table: Tables = None,
    operators: Operators = False,
    apart: Apart = False,
    every: Every = 1,
    resume: Resume = False,
    shape: Machine = "smp=2",
    seed: Seed = 1,
    steps: Steps = 8_000,
    json: Json = None,
    out: Out = Path("out/mutants"),
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Judge kernels with one bug each.

    Exit 0 all mutants are reported as the catalogue says, 1 not all, 2 wrong use, 3 failure.
    """
    del debug
    if table:
        sys.stdout.write("\n".join(table_lines(read_scores(table))) + "\n")
        return
    chosen = read_catalogue(project.MUTANTS).named(tuple(names or ()))
    if show:
        _list(chosen)
        return
    output = CommandOutput(json, quiet=quiet)
    plan = read_plan(scenario_files([], project.SCENARIOS), seed, steps)
    setup = TrialSetup(plan, parse_shape(shape), output_folder(out, "mutants"))
    with shown_progress(quiet=quiet) as progress:
        teller = Teller(kernel, progress, json, output)
        with _trials(kernel, setup, teller, progress, resume=resume) as trials:
            if operators:
                trials.operators(every)
            else:
                trials.catalogue(chosen, apart=apart)
    output.report(score_lines(teller.score))
    if json == STANDARD_OUTPUT:
        write_json(json, score_value(teller.score))
    raise typer.Exit(int(bool(teller.score.wrong)))


def _list(chosen: tuple[Mutant, ...]) -> None:
    for one in chosen:
        first, *rest = wrap(one.breaks, WIDTH - _BREAKS_AT) or [""]
        sys.stdout.write(f"{one.name:34} {one.kind.value:13} {first}\n")
        sys.stdout.writelines(f"{'':{_BREAKS_AT}}{line}\n" for line in rest)


@contextmanager
def _trials(
    kernel: str, setup: TrialSetup, teller: "Teller", progress: Progress, *, resume: bool
) -> Iterator[Trials]:
    """The trials on *kernel*, whose source tree no other process uses meanwhile."""
    cache, recipe = Cache.default(), _recipe(kernel)
    with cache.locked(f"mutants-{kernel}"):
        tree = open_shared_tree(recipe, cache, progress)
        content = tree.base.kernel.content_hash
        log = AttemptLog(setup.out / f"{kernel}.jsonl", content, setup, resume=resume)
        progress.step("building a kernel with the mutants in it")
        yield Trials(tree, setup, log, teller)


class Teller:
    """Tells the user what was found of each mutant, and how long the others may take."""

    def __init__(
        self, kernel: str, progress: Progress, json: Path | None, output: CommandOutput
    ) -> None:
        self.score = Score(kernel, ())
        self._total = 0
        self._progress, self._json, self._output = progress, json, output
        self._started = 0.0
        self._known = 0

    def planned(self, total: int) -> None:
        """There are *total* mutants, with those that were tried before."""
        self._total = total

    def coming(self, mutant: Mutant) -> None:
        """Show which mutant is tried next, and the minutes left at the pace so far."""
        done = len(self.score.attempts)
        if not self._started:
            self._started, self._known = time.monotonic(), done
        tried = done - self._known
        elapsed = time.monotonic() - self._started
        left = elapsed / tried * (self._total - done) / 60 if tried else 0
        about = f", {left:.0f} min left" if left else ""
        wrong = len(self.score.wrong)
        self._progress.step(f"{done + 1} of {self._total}, {wrong} wrong{about}: {mutant.name}")

    def over(self, attempt: Attempt) -> None:
        """Print the attempt, and write the score so far as JSON."""
        self.score = replace(self.score, attempts=(*self.score.attempts, attempt))
        self._output.meanwhile([attempt_line(attempt)])
        if self._json != STANDARD_OUTPUT:
            write_json(self._json, score_value(self.score))


def _recipe(name: str) -> BuildRecipe:
    known = recipes()
    if name not in known:
        raise UsageError(
            f"{name!r} is not built from source", hint=f"there are {', '.join(known)}"
        )
    return known[name]
