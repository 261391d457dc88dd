"""``kmap-harness check``: a verdict on a patch."""

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import typer

from harness.base import project
from harness.base.held_folders import output_folder
from harness.base.output_files import STANDARD_OUTPUT, write_whole
from harness.check.builder import DEFAULT_CONFIGS, TreeBuilder
from harness.check.check_request import CheckRequest
from harness.check.check_result import FAILING, CheckResult
from harness.check.helper_process import helper_process
from harness.check.lane import Workload
from harness.check.series import run_check
from harness.check.touched import chosen_sweeps, touches_notices
from harness.cli.check_options import (
    B4,
    STEPS,
    BaseRevision,
    CatalogueKernel,
    CheckSteps,
    Configs,
    Each,
    Mail,
    Patches,
    Sweeps,
    Tree,
)
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
from harness.compare.known_bugs_file import load_known_bugs
from harness.errors import UsageError
from harness.guest.shape_words import parse_shape
from harness.kernel.build_recipe import recipe_of
from harness.kernel.built import obtain_built
from harness.patch.gittree import applied_in, is_git, local_changes
from harness.patch.patch import Patch
from harness.patch.patch_reader import read_patches
from harness.report.check_mail import mail_text
from harness.report.check_report import check_lines
from harness.report.check_value import b4_value, check_value
from harness.report.log_places import with_logs
from harness.run.programs import Plan, read_plan
from harness.run.scenario_files import scenario_files


def check(
    tree: Tree = None,
    patch: Patches = None,
    kernel: CatalogueKernel = "",
    base: BaseRevision = "",
    configs: Configs = "",
    scenario: Scenarios = None,
    expression: Expression = "",
    seed: Seed = 1,
    steps: CheckSteps = None,
    shape: Machine = "",
    throwaway: Throwaway = False,
    sweeps: Sweeps = "",
    each: Each = False,
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
    patches = _patches(["-"] * (b4 and not patch) or patch or [], place, base)
    swept = () if scenario or expression else chosen_sweeps(sweeps, patches)
    wrong_use = not (scenario or expression or throwaway) and touches_notices(patches)
    plan = _plan(scenario, expression, swept, seed, steps)
    request = CheckRequest(
        place,
        patches,
        _workload(shape, plan, known_bugs, throwaway=throwaway or wrong_use),
        _configs(configs, kernel),
        output_folder(out, "check"),
        _before(place, patches, base) if b4 else base,
        strict,
        machine=shape,
        chosen=_chosen(scenario, expression),
        sweeps=sweeps,
        notes=_notes(swept, wrong_use=wrong_use),
    )
    results = _checked(request, kernel, each=each, verbose=verbose, quiet=quiet)
    _write(results, json, mail)
    _report(results, output, request.out, b4=b4, verbose=verbose)
    raise typer.Exit(_exit_code(results))


def _exit_code(results: tuple[CheckResult, ...]) -> int:
    """That of a patch that is newly failing, else the worst."""
    codes = {one.exit_code for one in results}
    return FAILING if FAILING in codes else max(codes)


def _plan(
    scenarios: list[Path] | None,
    expression: str,
    sweeps: tuple[Path, ...],
    seed: int,
    steps: int | None,
) -> Plan:
    """The scenarios, the sweeps, and generated steps unless scenarios are named."""
    files = scenario_files(scenarios or [], project.SCENARIOS, expression)
    wanted = (0 if scenarios or expression else STEPS) if steps is None else steps
    return read_plan((*files, *sweeps), seed, wanted)


def _workload(shape: str, plan: Plan, known_bugs: Path | None, *, throwaway: bool) -> Workload:
    bugs = load_known_bugs(known_bugs, date.today())
    return Workload(parse_shape(shape), plan, throwaway, bugs)


def _chosen(scenarios: list[Path] | None, expression: str) -> tuple[tuple[str, str], ...]:
    """The choice of scenarios: pairs of an option and its value."""
    named = tuple(("--scenario", str(one)) for one in scenarios or ())
    return (*named, *((("-k", expression),) * bool(expression)))


def _notes(swept: tuple[Path, ...], *, wrong_use: bool) -> tuple[str, ...]:
    """Notes of the report on the programs that run because of the code that the patch touches."""
    names = ", ".join(file.stem for file in swept)
    sweeps = f"interrupted at every instruction of what the patch touches: {names}"
    misuse = "wrong use in guests of its own, as the patch touches a BUG or a warning"
    return (*((sweeps,) * bool(swept)), *((misuse,) * wrong_use))


def _place(tree: Path | None, kernel: str) -> Path:
    """The folder of the tree.  Raises UsageError where a kernel is named, too."""
    if tree and kernel:
        raise UsageError(
            f"--tree {tree} and --kernel {kernel} both name a source", hint="leave out one of them"
        )
    return tree or Path()


def _configs(names: str, kernel: str) -> tuple[str, ...]:
    """The configurations named; else the one of the catalogue's *kernel*, else the usual ones."""
    found = tuple(filter(None, (name.strip() for name in names.split(","))))
    return found or ((kernel,) if kernel else DEFAULT_CONFIGS)


def _checked(
    request: CheckRequest, kernel: str, *, each: bool, verbose: bool, quiet: bool
) -> tuple[CheckResult, ...]:
    """Do the check, on the source of *kernel* where one is named."""
    with helper_process() as helper, shown_progress(quiet=quiet) as progress:
        built = obtain_built(recipe_of(kernel), progress=progress) if kernel else None
        builder = TreeBuilder(show_command if verbose else None)
        return run_check(
            replace(request, kernel=built), builder, progress, helper=helper, each=each
        )


def _patches(names: list[str], tree: Path, base: str) -> tuple[Patch, ...]:
    """The patches named, or what the tree itself has beyond the base."""
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


def _report(
    results: tuple[CheckResult, ...],
    output: CommandOutput,
    folder: Path,
    *,
    b4: bool,
    verbose: bool,
) -> None:
    """The reports one after the other, with two empty lines between them; or what b4 reads."""
    if b4:
        write_json(STANDARD_OUTPUT, b4_value(results))
        return
    texts = ("\n".join(check_lines(one, verbose=verbose)) for one in results)
    output.report(with_logs("\n\n\n".join(texts).split("\n"), folder))
