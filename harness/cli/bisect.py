"""``kmap-harness bisect-step`` and ``bisect``: which commit broke it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from harness.base import project
from harness.base.cache import Cache
from harness.base.held_folders import output_folder
from harness.check.bisection import Bisector, JudgedCommit, step_lines
from harness.check.builder import PAE, TreeBuilder
from harness.check.lane import Workload
from harness.cli.options import (
    TREE_HELP,
    Debug,
    Expression,
    Machine,
    NewOut,
    Scenarios,
    Silence,
    Steps,
)
from harness.cli.output import CommandOutput, shown_progress
from harness.errors import HarnessError, UsageError
from harness.guest.shape_words import parse_shape
from harness.patch.gittree import commit_of, is_git, local_changes
from harness.patch.scratch import open_scratch, require_kernel_tree
from harness.run.programs import read_plan
from harness.run.scenario_files import scenario_files

ABORT = 128
"""``git bisect run`` stops at 128 and above, and concludes nothing about the commit."""

Tree = Annotated[Path, typer.Option(help=f"{TREE_HELP} A git repository.")]


Good = Annotated[str, typer.Option(help="A revision that keeps the contract.")]
Bad = Annotated[str, typer.Option(help="A later revision that breaks the contract.")]
Config = Annotated[str, typer.Option(help="Configuration: names joined by +, or a .config file.")]


def bisect_step(
    tree: Tree = Path(),
    config: Config = PAE,
    scenario: Scenarios = None,
    expression: Expression = "",
    shape: Machine = "",
    steps: Steps = 0,
    out: NewOut = None,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Judge the commit that is checked out, for `git bisect run`.

    Exit 0 good, 1 bad, 125 cannot judge, 128 stop the bisection.
    """
    del debug
    try:
        with _bisector(
            tree, config, _workload(scenario, expression, shape, steps), out
        ) as bisector:
            step = _judged_here(bisector, tree, quiet=quiet)
    except HarnessError as error:
        sys.stderr.write(f"{project.NAME}: {error}\n")
        raise typer.Exit(ABORT) from error
    CommandOutput(quiet=quiet).report(step_lines((step,)))
    raise typer.Exit(int(step.verdict))


def _judged_here(bisector: Bisector, tree: Path, *, quiet: bool) -> JudgedCommit:
    """Judge what is checked out in *tree*, with its local changes."""
    commit, local = commit_of(tree, ""), local_changes(tree, "")
    bisector.scratch.settle(bisector.scratch.base(""), (local,) if local else ())
    with shown_progress(quiet=quiet) as progress:
        return bisector.judge(commit, progress)


def bisect(
    good: Good,
    bad: Bad = "HEAD",
    tree: Tree = Path(),
    config: Config = PAE,
    scenario: Scenarios = None,
    expression: Expression = "",
    shape: Machine = "",
    steps: Steps = 0,
    out: NewOut = None,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Find the first commit that breaks the contract, in a copy of the tree.

    Exit 0 found, 2 not found.
    """
    del debug
    workload = _workload(scenario, expression, shape, steps)
    with (
        _bisector(tree, config, workload, out) as bisector,
        shown_progress(quiet=quiet) as progress,
    ):
        found = bisector.bisect(commit_of(tree, good), commit_of(tree, bad), progress)
    several = f"one of these, some of which could not be judged: {', '.join(found.culprits)}"
    verdict = f"the first bad commit is {found.words or several}"
    CommandOutput(quiet=quiet).report((*step_lines(found.steps), verdict))
    raise typer.Exit(0 if found.words else 2)


def _workload(scenario: list[Path] | None, expression: str, shape: str, steps: int) -> Workload:
    files = scenario_files(scenario or [], project.SCENARIOS, expression)
    return Workload(parse_shape(shape), read_plan(files, 1, steps))


@contextmanager
def _bisector(tree: Path, config: str, workload: Workload, out: Path | None) -> Iterator[Bisector]:
    if not is_git(require_kernel_tree(tree)):
        raise UsageError(
            f"{tree} is no git repository", hint="there is nothing to bisect without history"
        )
    with open_scratch(tree, Cache.default()) as scratch:
        yield Bisector(scratch, TreeBuilder(), config, workload, output_folder(out, "bisect"))
