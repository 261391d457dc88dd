"""``kmap-harness check``: a verdict on a patch."""

import sys
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, NoReturn

import typer

from harness.base.output_files import STANDARD_OUTPUT, write_whole
from harness.base.progress import Progress
from harness.check.builder import PAE, TreeBuilder
from harness.check.cell_choice import CellWishes
from harness.check.check_request import CheckRequest
from harness.check.check_result import FAILING, CheckResult
from harness.check.helper_process import helper_process
from harness.check.risks import Profile
from harness.check.series import prepare_bases, run_check
from harness.cli.check_options import (
    B4,
    BaseRevision,
    CatalogueKernel,
    CheckSteps,
    Configs,
    Each,
    First,
    Histories,
    Machines,
    Mail,
    Patches,
    Prepare,
    Quick,
    Sweeps,
    Thorough,
    Tree,
)
from harness.cli.check_work import CheckWork
from harness.cli.options import (
    Debug,
    Expression,
    Json,
    KnownBugsFile,
    Machine,
    NewOut,
    Scenarios,
    Seed,
    Silence,
    Strict,
    Throwaway,
    Verbose,
)
from harness.cli.output import CommandOutput, shown_progress, write_json
from harness.cli.progress_bar import show_command
from harness.errors import UsageError
from harness.kernel.build_recipe import recipe_of
from harness.kernel.built import obtain_built
from harness.patch.gittree import applied_in, is_git, local_changes
from harness.patch.patch import Patch
from harness.patch.patch_reader import read_patches
from harness.report.cell_table import prepared_lines
from harness.report.check_mail import mail_text
from harness.report.check_report import check_lines
from harness.report.check_value import b4_value, check_value
from harness.report.log_places import with_logs


def check(
    tree: Tree = None,
    patch: Patches = None,
    kernel: CatalogueKernel = "",
    base: BaseRevision = "",
    configs: Configs = "",
    machines: Machines = "",
    quick: Quick = False,
    thorough: Thorough = False,
    prepare: Prepare = False,
    scenario: Scenarios = None,
    expression: Expression = "",
    seed: Seed = 1,
    steps: CheckSteps = None,
    shape: Machine = "",
    throwaway: Throwaway = False,
    sweeps: Sweeps = "",
    histories: Histories = 0,
    each: Each = False,
    first: First = False,
    strict: Strict = False,
    known_bugs: KnownBugsFile = None,
    json: Json = None,
    mail: Mail = None,
    b4: B4 = False,
    out: NewOut = None,
    verbose: Verbose = False,
    quiet: Silence = False,
    debug: Debug = False,  # noqa: ARG001 - the entry point reads it
) -> None:
    """Judge a patch: build base and patched kernel, run the scenarios on both, report the changes.

    Exit 0 nothing newly failing, 1 newly failing, 2 no verdict or wrong use, 3 the harness failed.
    """
    output, place = CommandOutput(json, mail, quiet=quiet), _place(tree, kernel)
    patches = () if prepare else _patches(patch, place, base, b4=b4)
    base = _before(place, patches, base) if b4 else base
    work = CheckWork(
        patches, scenario, expression, sweeps, seed, steps, shape, throwaway, histories, known_bugs
    )
    profile = _profile(quick or work.chosen, thorough=thorough or prepare)
    wishes = CellWishes(kernel or PAE, _listed(configs), _listed(machines), profile)
    request = replace(work.request(place, wishes, out, base, strict=strict), first=first)
    with _started(request, kernel, verbose=verbose, quiet=quiet) as (asked, means):
        bases = prepare_bases(asked, *means) if prepare else ()
        results = () if prepare else run_check(asked, *means, each=each)
    if prepare:
        output.report(prepared_lines(bases))
        return
    _finish(results, output, (json, mail), request.out, b4=b4, verbose=verbose)


def _exit_code(results: tuple[CheckResult, ...]) -> int:
    """That of a patch that is newly failing, else the worst."""
    codes = {one.exit_code for one in results}
    return FAILING if FAILING in codes else max(codes)


def _profile(quick: bool, *, thorough: bool) -> Profile:
    """The extent of the check.  Raises UsageError for two profiles at once."""
    if quick and thorough:
        raise UsageError(
            "--quick and --thorough exclude each other, and so do --thorough and named scenarios",
            hint="leave out one of them",
        )
    if thorough:
        return Profile.THOROUGH
    return Profile.QUICK if quick else Profile.TOUCHED


def _listed(names: str) -> tuple[str, ...]:
    """The parts of an option's value, which commas separate."""
    return tuple(filter(None, (name.strip() for name in names.split(","))))


def _place(tree: Path | None, kernel: str) -> Path:
    """The folder of the tree.  Raises UsageError where a kernel is named, too."""
    if tree and kernel:
        raise UsageError(
            f"--tree {tree} and --kernel {kernel} both name a source", hint="leave out one of them"
        )
    return tree or Path()


class _Means(NamedTuple):
    """The means by which a check is done."""

    builder: TreeBuilder
    progress: Progress
    helper: Executor


@contextmanager
def _started(
    request: CheckRequest, kernel: str, *, verbose: bool, quiet: bool
) -> Iterator[tuple[CheckRequest, _Means]]:
    """*request*, on the source of *kernel* where one is named, and what it is done with."""
    with helper_process() as helper, shown_progress(quiet=quiet) as progress:
        built = obtain_built(recipe_of(kernel), progress=progress) if kernel else None
        builder = TreeBuilder(show_command if verbose else None)
        yield replace(request, kernel=built), _Means(builder, progress, helper)


def _patches(named: list[str] | None, tree: Path, base: str, *, b4: bool) -> tuple[Patch, ...]:
    """The patches named, or what the tree itself has beyond the base."""
    names = ["-"] * (b4 and not named) or named or []
    if names:
        return read_patches(names, sys.stdin.buffer)
    found = local_changes(tree, base) if is_git(tree) else None
    if found is None:
        raise UsageError(
            f"there is nothing to check: no --patch, "
            f"and {tree} has no changes beyond {base or 'HEAD'}",
            hint="give --patch FILE, or --base REV for the commits since REV",
        )
    return (found,)


def _before(tree: Path, patches: tuple[Patch, ...], base: str) -> str:
    """The base to check against.

    A branch under review may hold *patches* already: then it is the commit before them.
    """
    commit = "" if base or not is_git(tree) else applied_in(tree, patches[0])
    return f"{commit}^" if commit else base


def _write(results: tuple[CheckResult, ...], json: Path | None, mail: Path | None) -> None:
    if json:
        values = [check_value(one) for one in results]
        write_json(json, values[0] if len(values) == 1 else values)
    if mail:
        write_whole(mail, "\n".join(mail_text(one) for one in results))


def _finish(
    results: tuple[CheckResult, ...],
    output: CommandOutput,
    files: tuple[Path | None, Path | None],
    folder: Path,
    *,
    b4: bool,
    verbose: bool,
) -> NoReturn:
    """Write the *files* for JSON and the mail, print the reports or what b4 reads, and exit."""
    _write(results, *files)
    if b4:
        write_json(STANDARD_OUTPUT, b4_value(results))
    else:
        texts = ("\n".join(check_lines(one, verbose=verbose)) for one in results)
        output.report(with_logs("\n\n\n".join(texts).split("\n"), folder))
    raise typer.Exit(_exit_code(results))
