"""``kmap-harness mutants``: how many of the known mistakes the harness reports, and how many it would have missed."""

import json as json_format
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness import project
from harness.cli.progress import progress_for
from harness.cli.shape import parse_shape
from harness.errors import UsageError
from harness.kernel.cache import Cache
from harness.kernel.progress import Progress
from harness.kernel.recipe import Recipe, recipes
from harness.mutants.attempt import Means, attempt
from harness.mutants.catalogue import Mutant, read_catalogue
from harness.mutants.field import Field, open_field
from harness.mutants.operators import OperatorMutant
from harness.mutants.record import Record
from harness.mutants.score import Attempt, Score
from harness.mutants.switched import attempt_operator, described, require_none, with_operators
from harness.report.mutants import attempt_line, score_lines, score_value
from harness.report.mutants_table import read_scores, table_lines
from harness.report.output import require_folder, require_writable, write_whole
from harness.run.prepare import Prepared
from harness.run.programs import read_plan, scenario_files

PAE = "pae"
"""The word of a mutant's shape that is the kernel's, not the machine's."""


def mutants(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Parts of names, or entries as P25. Default: the whole catalogue."),
    ] = None,
    kernel: Annotated[str, typer.Option(help="A kernel built from source (see `kernels`).")] = "6.1-pae",
    show: Annotated[bool, typer.Option("--list", help="Only list the catalogue.")] = False,
    table: Annotated[
        list[Path] | None,
        typer.Option(
            help="Only print the tables of the docs, from this --json; of equal names the last counts."
        ),
    ] = None,
    operators: Annotated[
        bool,
        typer.Option("--operators", help="Every simple mistake in mm/highmem.c instead of the catalogue."),
    ] = False,
    every: Annotated[int, typer.Option(min=1, help="With --operators: only each so-manieth.")] = 1,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Go on: what --out has of the same kernel, patch and harness is taken over."
        ),
    ] = False,
    shape: Annotated[str, typer.Option(help="Machine as words (see `run`).")] = "smp=2",
    seed: Annotated[int, typer.Option(help="Seed of the generated programs.")] = 1,
    steps: Annotated[int, typer.Option(min=0, help="Generated steps for each mutant.")] = 8_000,
    json: Annotated[
        Path | None, typer.Option(help="Write the score as JSON, anew after each mutant.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the logs of the guests.")] = Path("out/mutants"),
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Judge kernels with one bug each; exit 0 when what was found is what the catalogue says, 1 when not."""
    del debug
    if table:
        sys.stdout.write("\n".join(table_lines(read_scores(table))) + "\n")
        return
    chosen = read_catalogue(project.MUTANTS).named(tuple(names or ()))
    if show:
        sys.stdout.write("".join(f"{one.name:34} {one.kind.value:13} {one.breaks}\n" for one in chosen))
        return
    require_writable([json] if json else [])
    require_folder(out)
    means = Means(read_plan(scenario_files([], project.SCENARIOS), seed, steps), parse_shape(shape), out)
    cache = Cache.default()
    recipe = _recipe(kernel)
    with cache.locked(f"mutants-{kernel}"), progress_for(Console(stderr=True)) as progress:
        field = open_field(recipe, cache, progress)
        record = Record(out / f"{kernel}.jsonl", field.base.kernel.content_hash, means, resume=resume)
        trial = Trial(field, means, record)
        tried = trial.operators(every) if operators else trial.catalogue(chosen)
        score = _shown(kernel, tried, progress, json)
    sys.stdout.write("\n".join(score_lines(score)) + "\n")
    raise typer.Exit(int(bool(score.wrong)))


Tries = Sequence[tuple[Mutant, Callable[[], Attempt]]]
"""Mutants, and how each is tried."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What every mutant is tried with."""

    field: Field
    means: Means
    record: Record

    @contextmanager
    def catalogue(self, chosen: tuple[Mutant, ...]) -> Iterator[Tries]:
        """The mutants that this kernel can have."""
        kernel = self.field.base.kernel
        pae = kernel.config.enabled("CONFIG_X86_PAE")
        yield [
            (one, partial(self._attempt, one))
            for one in chosen
            if one.applies(kernel.version[:2]) and (PAE not in one.shape or pae)
        ]

    @contextmanager
    def operators(self, every: int) -> Iterator[Tries]:
        """The operator mutants."""
        with with_operators(self.field) as (prepared, made):
            require_none(prepared, self.means)
            yield [(described(one), partial(self._operator, one, prepared)) for one in made[::every]]

    def _attempt(self, mutant: Mutant) -> Attempt:
        words = ",".join(word for word in mutant.shape if word != PAE)
        means = replace(self.means, shape=parse_shape(words, self.means.shape))
        return self.record.known(mutant) or self.record.keep(attempt(mutant, self.field, means))

    def _operator(self, mutant: OperatorMutant, prepared: Prepared) -> Attempt:
        known = self.record.known(described(mutant))
        return known or self.record.keep(attempt_operator(mutant, prepared, self.means))


def _recipe(name: str) -> Recipe:
    known = recipes()
    if name not in known:
        raise UsageError(f"{name!r} is not built from source", hint=f"there are {', '.join(known)}")
    return known[name]


def _shown(kernel: str, tried: AbstractContextManager[Tries], progress: Progress, json: Path | None) -> Score:
    """Try them all, telling what was found of each as soon as it is over, and how long the rest may take."""
    score = Score(kernel, ())
    started = time.monotonic()
    with tried as tries:
        for number, (mutant, go) in enumerate(tries):
            left = (time.monotonic() - started) / number * (len(tries) - number) / 60 if number else 0
            about = f", {left:.0f} min left" if left else ""
            progress.step(f"{number + 1} of {len(tries)}, {len(score.wrong)} wrong{about}: {mutant.name}")
            one = go()
            score = replace(score, attempts=(*score.attempts, one))
            sys.stdout.write(attempt_line(one) + "\n")
            sys.stdout.flush()
            if json:
                write_whole(json, json_format.dumps(score_value(score), indent=1) + "\n")
    return score
