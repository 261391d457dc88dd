"""``kmap-harness run``: the main job."""

import sys
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.base import project
from harness.base.output_files import require_folder, require_writable
from harness.cli.options import (
    Debug,
    Json,
    KnownBugsFile,
    Machine,
    Scenarios,
    Seed,
    Throwaway,
    Verbose,
)
from harness.cli.progress_bar import progress_for, show_command
from harness.compare.known_bugs_file import load_known_bugs
from harness.errors import UsageError
from harness.guest.shape import Shape
from harness.guest.shape_words import parse_shape, with_memory
from harness.guest.ssh.guest_state import find
from harness.report.run_report import run_lines
from harness.report.run_value import write_json
from harness.run.main_job import execute
from harness.run.programs import read_plan, scenario_files
from harness.run.run_request import RunRequest

DEFAULT_KERNEL = "debian-6.1-686-pae"


def run(
    kernel: Annotated[
        str,
        typer.Option(
            help="A name of `kernels` (6.1-pae is built from source), or a bzImage or vmlinux."
        ),
    ] = DEFAULT_KERNEL,
    build_dir: Annotated[
        Path | None, typer.Option(help="Folder in which your own kernel was built.")
    ] = None,
    shape: Machine = "",
    smp: Annotated[
        int | None, typer.Option(help="CPUs of the guest, 1 to 8 \\[default: 2].")
    ] = None,
    memory: Annotated[
        int | None, typer.Option(help="Memory of the guest, MiB \\[default: 256].")
    ] = None,
    scenario: Scenarios = None,
    seed: Seed = 1,
    steps: Annotated[
        int | None,
        typer.Option(min=0, help="Generated steps \\[default: 6000, or none with --scenario]."),
    ] = None,
    abstract: Annotated[
        int,
        typer.Option(
            min=0,
            help="Steps of the abstract programs, the same for every kernel, in each of their lowerings: "
            "the kernel's own generation, the module's typed window with the types of 2.6.24 and of 2.6.32.",
        ),
    ] = 0,
    known_bugs: KnownBugsFile = None,
    json: Json = None,
    trace: Annotated[
        Path | None, typer.Option(help="Write every step to a trace for `diff`.")
    ] = None,
    attach: Annotated[
        str,
        typer.Option(
            help="Run in the guest of this name that `ssh` has started, not in a new one."
        ),
    ] = "",
    throwaway: Throwaway = False,
    out: Annotated[Path, typer.Option(help="Folder for the logs of the guest.")] = Path("out/run"),
    template: Annotated[
        bool, typer.Option("--template/--no-template", help="Restore a kept guest, or boot one.")
    ] = True,
    deterministic: Annotated[
        bool,
        typer.Option(
            "--deterministic",
            help="One CPU that counts instructions, the programs in its image: every run is the same, bit for bit.",
        ),
    ] = False,
    coverage: Annotated[
        Path | None,
        typer.Option(
            help="Folder for a report of the lines and branches executed; wants a gcov kernel."
        ),
    ] = None,
    verbose: Verbose = False,
    debug: Debug = False,
) -> None:
    """Judge one kernel on one machine, step by step; exit 0 agreement, 1 divergence, 2 wrong use, 3 failure."""
    del debug
    machine = find(attach).shape if attach else _shape(shape, smp, memory)
    if deterministic:
        machine = _counting(machine, smp, attach)
    files = scenario_files(scenario or [], project.SCENARIOS)
    wanted = (0 if scenario else 6_000) if steps is None else steps
    plan = read_plan(files, seed, wanted, abstract)
    require_writable(path for path in (json, trace) if path)
    require_folder(out)
    request = RunRequest(
        kernel,
        build_dir,
        machine,
        plan,
        out,
        trace,
        attach,
        template,
        throwaway,
        deterministic,
        coverage,
        known_bugs=load_known_bugs(known_bugs, date.today()),
    )
    with progress_for(Console(stderr=True)) as progress:
        result = execute(request, progress, show_command if verbose else None)
    sys.stdout.write("\n".join(run_lines(result, verbose=verbose)) + "\n")
    if json:
        write_json(result, json)
    raise typer.Exit(result.exit_code)


def _shape(text: str, smp: int | None, memory: int | None) -> Shape:
    shape = parse_shape(text)
    if smp is not None:
        shape = replace(shape, smp=smp)
    return shape if memory is None else with_memory(shape, memory)


def _counting(machine: Shape, smp: int | None, attach: str) -> Shape:
    """*machine* with one CPU and the instruction clock.  Raises UsageError for what cannot be so."""
    if attach:
        raise UsageError("--deterministic boots a guest of its own", hint="leave out --attach")
    return replace(machine, smp=smp or 1, icount=True)
