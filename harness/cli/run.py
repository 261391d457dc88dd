"""``kmap-harness run``: the main job."""

import shlex
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from harness.base import project
from harness.base.held_folders import output_folder
from harness.base.output_files import STANDARD_OUTPUT, write_whole
from harness.base.progress import Progress
from harness.cli.options import (
    DEFAULT_KERNEL,
    MEMORY_HELP,
    SMP_HELP,
    STEPS_HELP,
    Abstract,
    BuildDir,
    Debug,
    Expression,
    Json,
    KernelName,
    KnownBugsFile,
    Machine,
    NewOut,
    Scenarios,
    Seed,
    Silence,
    Template,
    Throwaway,
    Verbose,
)
from harness.cli.output import CommandOutput, shown_progress
from harness.cli.progress_bar import show_command
from harness.compare.known_bugs_file import load_known_bugs
from harness.errors import UsageError
from harness.guest.shape import Shape
from harness.guest.shape_words import parse_shape, with_memory
from harness.guest.ssh.guest_state import find
from harness.report.junit import write_run_junit
from harness.report.ktap import ktap_lines
from harness.report.log_places import with_logs
from harness.report.run_report import run_lines
from harness.report.run_value import write_run
from harness.run.main_job import execute
from harness.run.programs import Plan, read_plan
from harness.run.run_ended import RunEnded
from harness.run.run_request import RunRequest
from harness.run.run_result import RunResult
from harness.run.scenario_files import scenario_files
from harness.run.throwaway import require_permission

STEPS = 6_000
"""Generated steps of a run that names no scenario."""

Smp = Annotated[int | None, typer.Option(help=f"{SMP_HELP} [default: 2]")]
Memory = Annotated[
    int | None, typer.Option(help=f"{MEMORY_HELP} [default: 256, or more with some above 4 GiB]")
]
RunSteps = Annotated[
    int | None,
    typer.Option(min=0, help=f"{STEPS_HELP} [default: {STEPS}, or none with --scenario or -k]"),
]
FirstOnly = Annotated[
    bool, typer.Option("-x", "--stop-first", help="Stop after the first program that diverges.")
]
Junit = Annotated[
    Path | None,
    typer.Option(help="Write the result as JUnit XML to a file; - is standard output."),
]
Ktap = Annotated[
    Path | None, typer.Option(help="Write the result as KTAP to a file; - is standard output.")
]
TraceFile = Annotated[Path | None, typer.Option(help="Write every step to a trace for `diff`.")]
Attach = Annotated[
    str,
    typer.Option(help="Run in the guest of this name that `ssh` has started, not in a new one."),
]
Deterministic = Annotated[
    bool,
    typer.Option(
        "--deterministic",
        help="Run in a guest with one CPU that counts instructions and has the programs in its "
        "image: every run is the same, bit for bit.",
    ),
]
Coverage = Annotated[
    Path | None,
    typer.Option(
        help="Folder for a report of the lines and branches executed; needs a gcov kernel."
    ),
]


def run(
    kernel: KernelName = DEFAULT_KERNEL,
    build_dir: BuildDir = None,
    shape: Machine = "",
    smp: Smp = None,
    memory: Memory = None,
    scenario: Scenarios = None,
    expression: Expression = "",
    stop_first: FirstOnly = False,
    seed: Seed = 1,
    steps: RunSteps = None,
    abstract: Abstract = 0,
    known_bugs: KnownBugsFile = None,
    json: Json = None,
    junit: Junit = None,
    ktap: Ktap = None,
    trace: TraceFile = None,
    attach: Attach = "",
    throwaway: Throwaway = False,
    out: NewOut = None,
    template: Template = True,
    deterministic: Deterministic = False,
    coverage: Coverage = None,
    verbose: Verbose = False,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Judge one kernel on one machine, step by step.

    Exit 0 agreement, 1 divergence, 2 wrong use, 3 failure of the harness or the host.
    """
    del debug
    bugs = load_known_bugs(known_bugs, date.today())
    output = _output(trace, json, junit, ktap, quiet=quiet)
    machine = _machine(shape, smp, memory, attach, deterministic=deterministic)
    plan = _plan(scenario or [], expression, seed, steps, abstract)
    require_permission(plan, throwaway=throwaway)
    folder = output_folder(out, "run", Path(kernel).name)
    request = RunRequest(kernel, build_dir, machine, plan, folder, trace, attach, template)
    request = replace(request, throwaway=throwaway, deterministic=deterministic, known_bugs=bugs)
    request = replace(request, coverage=coverage, stop_first=stop_first)
    repeat = _repeat(kernel, build_dir, shape, smp, memory, attach, known_bugs)
    with shown_progress(quiet=quiet) as progress:
        result, stopped = _executed(request, progress, show_command if verbose else None)
    lines = run_lines(result, verbose=verbose, repeat=repeat)
    output.report(with_logs(lines, request.out))
    _write(result, json, junit, ktap)
    raise stopped or typer.Exit(result.exit_code)


def _repeat(
    kernel: str,
    build_dir: Path | None,
    shape: str,
    smp: int | None,
    memory: int | None,
    attach: str,
    known_bugs: Path | None,
) -> str:
    """The command line that runs a scenario, which is to follow, as this run runs its own."""
    given = {
        "--kernel": kernel,
        "--build-dir": build_dir,
        "--shape": shape,
        "--smp": smp,
        "--memory": memory,
        "--attach": attach,
        "--known-bugs": known_bugs,
    }
    words = [str(word) for pair in given.items() if pair[1] for word in pair]
    return shlex.join((project.NAME, "run", *words, "--scenario"))


def _output(trace: Path | None, *results: Path | None, quiet: bool) -> CommandOutput:
    """The output.  Raises UsageError where *trace* would go to standard output."""
    if trace == STANDARD_OUTPUT:
        raise UsageError("a trace is no text", hint="give --trace the name of a file")
    return CommandOutput(trace, *results, quiet=quiet)


def _executed(
    request: RunRequest, progress: Progress, show: Callable[[str], None] | None
) -> tuple[RunResult, RunEnded | None]:
    """The result; and the signal that ended the run, whose report is written too."""
    try:
        return execute(request, progress, show), None
    except RunEnded as ended:
        return ended.result, ended


def _write(result: RunResult, json: Path | None, junit: Path | None, ktap: Path | None) -> None:
    """Write each result that is asked for."""
    if json:
        write_run(result, json)
    if junit:
        write_run_junit(result, junit)
    if ktap:
        write_whole(ktap, "\n".join(ktap_lines(result)) + "\n")


def _plan(
    scenarios: list[Path], expression: str, seed: int, steps: int | None, abstract: int
) -> Plan:
    wanted = (0 if scenarios or expression else STEPS) if steps is None else steps
    files = scenario_files(scenarios, project.SCENARIOS, expression)
    return read_plan(files, seed, wanted, abstract)


def _machine(
    shape: str, smp: int | None, memory: int | None, attach: str, *, deterministic: bool
) -> Shape:
    """The machine to run on, or the one of the guest to attach to.

    Raises UsageError for words that describe no machine, and for options that exclude each other.
    """
    machine = find(attach).shape if attach else _shape(shape, smp, memory)
    if not deterministic:
        return machine
    if attach:
        raise UsageError("--deterministic boots a guest of its own", hint="leave out --attach")
    return replace(machine, smp=smp or 1, icount=True)


def _shape(text: str, smp: int | None, memory: int | None) -> Shape:
    shape = parse_shape(text)
    words = {word.partition("=")[0].strip() for word in text.split(",")}
    for name, value in (("smp", smp), ("memory", memory)):
        if value is not None and name in words:
            raise UsageError(
                f"--{name} {value} and --shape {text} both say what {name} is",
                hint="leave out one of them",
            )
    if smp is not None:
        shape = replace(shape, smp=smp)
    return shape if memory is None else with_memory(shape, memory)
