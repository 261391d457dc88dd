"""``kmap-harness mutants``: how many of the known mistakes the harness reports, and how many it would have missed."""

import json as json_format
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.base import project
from harness.base.cache import Cache
from harness.base.output_files import require_folder, require_writable, write_whole
from harness.base.progress import Progress
from harness.cli.progress_bar import progress_for
from harness.errors import UsageError
from harness.guest.shape_words import parse_shape
from harness.kernel.build_recipe import BuildRecipe, recipes
from harness.mutants.attempt import TrialSetup, attempt
from harness.mutants.attempt_log import AttemptLog
from harness.mutants.mutant_catalogue import Mutant, read_catalogue
from harness.mutants.score import Attempt, Score
from harness.mutants.shared_tree import SharedTree, open_shared_tree
from harness.mutants.switched import all_in_one, all_operators
from harness.report.score_report import attempt_line, score_lines, score_value
from harness.report.score_table import read_scores, table_lines
from harness.run.programs import read_plan, scenario_files

PAE = "pae"
"""The word of a mutant's shape that is the kernel's, not the machine's."""
TOGETHER = 4
"""For fewer a kernel each is cheaper than one with all in it, which is booted for a template."""


def mutants(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Parts of names, or entries as P25. Default: the whole catalogue."),
    ] = None,
    kernel: Annotated[
        str, typer.Option(help="A kernel built from source (see `kernels`).")
    ] = "6.1-pae",
    show: Annotated[bool, typer.Option("--list", help="Only list the catalogue.")] = False,
    table: Annotated[
        list[Path] | None,
        typer.Option(
            help="Only print the tables of the docs, from this --json; of equal names the last counts."
        ),
    ] = None,
    operators: Annotated[
        bool,
        typer.Option(
            "--operators", help="Every simple mistake in mm/highmem.c instead of the catalogue."
        ),
    ] = False,
    apart: Annotated[
        bool,
        typer.Option(
            "--apart", help="Build and boot a kernel for each, instead of one with all in it."
        ),
    ] = False,
    every: Annotated[int, typer.Option(min=1, help="With --operators: only each so-manieth.")] = 1,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume",
            help="Go on: what --out has of the same kernel, patch and harness is taken over.",
        ),
    ] = False,
    shape: Annotated[str, typer.Option(help="Machine as words (see `run`).")] = "smp=2",
    seed: Annotated[int, typer.Option(help="Seed of the generated programs.")] = 1,
    steps: Annotated[int, typer.Option(min=0, help="Generated steps for each mutant.")] = 8_000,
    json: Annotated[
        Path | None, typer.Option(help="Write the score as JSON, anew after each mutant.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the logs of the guests.")] = Path(
        "out/mutants"
    ),
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Judge kernels with one bug each; exit 0 when what was found is what the catalogue says, 1 when not."""
    del debug
    if table:
        sys.stdout.write("\n".join(table_lines(read_scores(table))) + "\n")
        return
    chosen = read_catalogue(project.MUTANTS).named(tuple(names or ()))
    if show:
        sys.stdout.write(
            "".join(f"{one.name:34} {one.kind.value:13} {one.breaks}\n" for one in chosen)
        )
        return
    require_writable([json] if json else [])
    require_folder(out)
    means = TrialSetup(
        read_plan(scenario_files([], project.SCENARIOS), seed, steps), parse_shape(shape), out
    )
    cache = Cache.default()
    recipe = _recipe(kernel)
    with cache.locked(f"mutants-{kernel}"), progress_for(Console(stderr=True)) as progress:
        field = open_shared_tree(recipe, cache, progress)
        record = AttemptLog(
            out / f"{kernel}.jsonl", field.base.kernel.content_hash, means, resume=resume
        )
        teller = Teller(kernel, progress, json)
        trial = Trial(field, means, record, teller)
        progress.step("building a kernel with the mutants in it")
        if operators:
            trial.operators(every)
        else:
            trial.catalogue(chosen, apart=apart)
    sys.stdout.write("\n".join(score_lines(teller.score)) + "\n")
    raise typer.Exit(int(bool(teller.score.wrong)))


class Teller:
    """Tells what was found of each mutant as soon as it is over, and how long the rest may take."""

    def __init__(self, kernel: str, progress: Progress, json: Path | None) -> None:
        self.score = Score(kernel, ())
        self.total = 0
        self._progress, self._json = progress, json
        self._started = 0.0
        self._known = 0

    def coming(self, mutant: Mutant) -> None:
        """*mutant* is tried now."""
        done = len(self.score.attempts)
        if not self._started:
            self._started, self._known = time.monotonic(), done
        tried = done - self._known
        left = (
            (time.monotonic() - self._started) / tried * (self.total - done) / 60 if tried else 0
        )
        about = f", {left:.0f} min left" if left else ""
        wrong = len(self.score.wrong)
        self._progress.step(f"{done + 1} of {self.total}, {wrong} wrong{about}: {mutant.name}")

    def over(self, attempt: Attempt) -> None:
        """What was found of it."""
        self.score = replace(self.score, attempts=(*self.score.attempts, attempt))
        sys.stdout.write(attempt_line(attempt) + "\n")
        sys.stdout.flush()
        if self._json:
            write_whole(self._json, json_format.dumps(score_value(self.score), indent=1) + "\n")


@dataclass(frozen=True, slots=True)
class Trial:
    """What every mutant is tried with, and who is told of it."""

    field: SharedTree
    means: TrialSetup
    record: AttemptLog
    teller: Teller

    def catalogue(self, chosen: tuple[Mutant, ...], *, apart: bool) -> None:
        """Try the mutants that this kernel can have: together in one kernel, then those in kernels of their
        own that cannot be there, or that were not reported there as they should.
        """
        kernel = self.field.base.kernel
        pae = kernel.pae
        mutants = [
            one
            for one in chosen
            if one.applies(kernel.version[:2]) and (PAE not in one.shape or pae)
        ]
        self.teller.total = len(mutants)
        left = tuple(one for one in mutants if not self._known(one))
        if len(left) >= TOGETHER and not apart:
            left = self._together(left)
        for mutant in left:
            self.teller.coming(mutant)
            self._keep(attempt(mutant, self.field, self._means(mutant)))

    def _together(self, mutants: tuple[Mutant, ...]) -> tuple[Mutant, ...]:
        """Try those that one kernel can have; gives those that are to be tried alone."""
        left = []
        board = all_in_one(self.field, mutants)
        for shape in {self._means(one).shape for one in mutants if one.name in board.numbers}:
            board.require_none(replace(self.means, shape=shape))
        for mutant in mutants:
            if mutant.name not in board.numbers:
                left.append(mutant)
                continue
            self.teller.coming(mutant)
            found = board.attempt(mutant, self._means(mutant))
            if found.as_wanted:
                self._keep(found)
            else:
                left.append(mutant)
        return tuple(left)

    def operators(self, every: int) -> None:
        """Try the operator mutants."""
        board, made = all_operators(self.field)
        board.require_none(self.means)
        chosen = made[::every]
        self.teller.total = len(chosen)
        for mutant in chosen:
            if not self._known(mutant):
                self.teller.coming(mutant)
                self._keep(board.attempt(mutant, self.means))

    def _means(self, mutant: Mutant) -> TrialSetup:
        words = ",".join(word for word in mutant.shape if word != PAE)
        return replace(self.means, shape=parse_shape(words, self.means.shape))

    def _known(self, mutant: Mutant) -> bool:
        known = self.record.known(mutant)
        if known:
            self.teller.over(known)
        return known is not None

    def _keep(self, attempt: Attempt) -> None:
        self.record.add(attempt)
        self.teller.over(attempt)


def _recipe(name: str) -> BuildRecipe:
    known = recipes()
    if name not in known:
        raise UsageError(
            f"{name!r} is not built from source", hint=f"there are {', '.join(known)}"
        )
    return known[name]
