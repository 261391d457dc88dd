"""``kmap-harness mutants``: how many of the known mistakes the harness reports, and how many it would have missed."""

import json as json_format
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness import project
from harness.cli.progress import progress_for
from harness.cli.shape import parse_shape
from harness.errors import UsageError
from harness.guest.shape import Shape
from harness.kernel.cache import Cache
from harness.kernel.recipe import Recipe, recipes
from harness.mutants.attempt import attempt, attempt_operator, with_operators
from harness.mutants.catalogue import Mutant, read_catalogue
from harness.mutants.field import Field, open_field
from harness.mutants.score import Attempt, Score
from harness.report.mutants import attempt_line, score_lines, score_value
from harness.report.output import require_folder, require_writable, write_whole
from harness.run.programs import Plan, read_plan, scenario_files

PAE = "pae"
"""The word of a mutant's shape that is the kernel's, not the machine's."""


def mutants(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Parts of names, or entries as P25. Default: the whole catalogue."),
    ] = None,
    kernel: Annotated[str, typer.Option(help="A kernel built from source (see `kernels`).")] = "6.1-pae",
    show: Annotated[bool, typer.Option("--list", help="Only list the catalogue.")] = False,
    operators: Annotated[
        bool,
        typer.Option("--operators", help="Every simple mistake in mm/highmem.c instead of the catalogue."),
    ] = False,
    every: Annotated[int, typer.Option(min=1, help="With --operators: only each so-manieth.")] = 1,
    shape: Annotated[str, typer.Option(help="Machine as words (see `run`).")] = "smp=2",
    seed: Annotated[int, typer.Option(help="Seed of the generated programs.")] = 1,
    steps: Annotated[int, typer.Option(min=0, help="Generated steps for each mutant.")] = 8_000,
    json: Annotated[Path | None, typer.Option(help="Write the score as JSON.")] = None,
    out: Annotated[Path, typer.Option(help="Folder for the logs of the guests.")] = Path("out/mutants"),
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Judge kernels with one bug each; exit 0 when what was found is what the catalogue says, 1 when not."""
    del debug
    chosen = read_catalogue(project.MUTANTS).named(tuple(names or ()))
    if show:
        sys.stdout.write("".join(f"{one.name:34} {one.kind.value:13} {one.breaks}\n" for one in chosen))
        return
    require_writable([json] if json else [])
    require_folder(out)
    plan = read_plan(scenario_files([], project.SCENARIOS), seed, steps)
    cache = Cache.default()
    recipe = _recipe(kernel)
    with cache.locked(f"mutants-{kernel}"), progress_for(Console(stderr=True)) as progress:
        trial = Trial(open_field(recipe, cache, progress), plan, parse_shape(shape), out)
        progress.step("trying")
        score = Score(kernel, tuple(_shown(trial.operators(every) if operators else trial.catalogue(chosen))))
    sys.stdout.write("\n".join(score_lines(score)) + "\n")
    if json:
        write_whole(json, json_format.dumps(score_value(score), indent=1) + "\n")
    raise typer.Exit(int(bool(score.wrong)))


@dataclass(frozen=True, slots=True)
class Trial:
    """What every mutant is tried with."""

    field: Field
    plan: Plan
    shape: Shape
    out: Path

    def catalogue(self, chosen: tuple[Mutant, ...]) -> Iterator[Attempt]:
        """The mutants that this kernel can have, one after another."""
        kernel = self.field.base.kernel
        for mutant in chosen:
            if mutant.applies(kernel.version[:2]) and (
                PAE not in mutant.shape or kernel.config.enabled("CONFIG_X86_PAE")
            ):
                words = ",".join(word for word in mutant.shape if word != PAE)
                yield attempt(mutant, self.field, self.plan, parse_shape(words, self.shape), self.out)

    def operators(self, every: int) -> Iterator[Attempt]:
        """The operator mutants; none of them is switched on first, which must not be reported."""
        with with_operators(self.field) as (prepared, made):
            for mutant in made[::every]:
                yield attempt_operator(mutant, prepared, self.plan, self.shape, self.out)


def _recipe(name: str) -> Recipe:
    known = recipes()
    if name not in known:
        raise UsageError(f"{name!r} is not built from source", hint=f"there are {', '.join(known)}")
    return known[name]


def _shown(attempts: Iterator[Attempt]) -> Iterator[Attempt]:
    for one in attempts:
        sys.stdout.write(attempt_line(one) + "\n")
        sys.stdout.flush()
        yield one
