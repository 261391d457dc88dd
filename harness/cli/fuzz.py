"""``kmap-harness fuzz``: random programs, and the smallest one for each failure."""

import shlex
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from harness.base.duration import parse_duration
from harness.base.held_folders import output_folder
from harness.base.output_files import write_whole
from harness.base.signals import EndedBySignal
from harness.cli.options import (
    DEFAULT_KERNEL,
    STEPS_HELP,
    BuildDir,
    Debug,
    Json,
    KernelName,
    KnownBugsFile,
    Machine,
    NewOut,
    Seed,
    Silence,
    TimeLimit,
)
from harness.cli.output import CommandOutput, shown_progress, write_json
from harness.compare.known_bugs_file import load_known_bugs
from harness.export.emission import EmitAs, Emitted, emitted, exported_program
from harness.export.expressible import Era
from harness.fuzz.campaign import Budget, Campaign, CampaignResult
from harness.fuzz.fuzzed_guest import FuzzedGuest, source_for
from harness.guest.shape import Shape
from harness.guest.shape_words import parse_shape
from harness.report.fuzz_report import fuzz_lines, fuzz_value
from harness.report.log_places import with_logs
from harness.run.prepare import Prepared, prepare
from harness.run.usual_machine import usual_machine
from harness.scenario.program_text import program_text

FuzzSteps = Annotated[
    int, typer.Option(min=0, help=f"{STEPS_HELP} The command then ends after so many.")
]
Guided = Annotated[
    bool,
    typer.Option(
        "--guided/--unguided", help="Draw more programs like those that reached something new."
    ),
]
Emit = Annotated[
    EmitAs | None,
    typer.Option(
        help="Also write each failure as C that needs nothing of this project: a kernel module, "
        "which is then loaded to see whether it fails, or a KUnit suite."
    ),
]


def fuzz(
    kernel: KernelName = DEFAULT_KERNEL,
    build_dir: BuildDir = None,
    shape: Machine = "",
    time: TimeLimit = "10m",
    steps: FuzzSteps = 0,
    seed: Seed = 1,
    guided: Guided = True,
    emit: Emit = None,
    known_bugs: KnownBugsFile = None,
    json: Json = None,
    out: NewOut = None,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Run random programs, and shrink each that fails.

    Exit 0 no failure, 1 a failure, 2 wrong use, 3 failure of the harness or the host.
    """
    del debug
    budget = Budget(parse_duration(time), steps)
    bugs, machine = load_known_bugs(known_bugs, date.today()), parse_shape(shape)
    output = CommandOutput(json, quiet=quiet)
    folder = output_folder(out, "fuzz", Path(kernel).name)
    with shown_progress(quiet=quiet) as progress:
        prepared = prepare(kernel, build_dir, progress)
        machine = usual_machine(machine, prepared.kernel)
        progress.step(f"fuzzing {prepared.kernel.release}")
        campaign = Campaign(
            lambda: FuzzedGuest(prepared, machine, bugs, folder),
            source_for(prepared, machine, seed, guided=guided),
            budget,
            progress,
        )
        ended = _ended(campaign)
    result = campaign.result()
    files = _save(result, folder)
    emissions = _emissions(result, emit, prepared, machine, folder)
    command = _run_command(kernel, build_dir, shape)
    release = prepared.kernel.release
    output.report(
        with_logs(
            list(fuzz_lines(release, seed, result, files, command, emissions=emissions)), folder
        )
    )
    write_json(json, fuzz_value(release, seed, result, files, emissions))
    if ended:
        raise ended
    raise typer.Exit(_exit_code(result))


def _run_command(kernel: str, build_dir: Path | None, shape: str) -> str:
    """The command that runs a scenario on the same kernel and machine."""
    words = ["kmap-harness", "run", "--kernel", kernel]
    words += ["--build-dir", str(build_dir)] if build_dir else []
    return shlex.join([*words, *(["--shape", shape] if shape else [])])


def _ended(campaign: Campaign) -> EndedBySignal | None:
    """Run *campaign*; the signal that ended it early, if one did: what was found is reported."""
    try:
        campaign.run()
    except EndedBySignal as ended:
        return ended
    return None


def _save(result: CampaignResult, folder: Path) -> tuple[Path, ...]:
    """Write the program of each failure to a file of its own."""
    files = []
    for one in result.found:
        path = folder / f"{one.program.name}.kmap"
        write_whole(path, program_text(one.program))
        files.append(path)
    return tuple(files)


def _emissions(
    result: CampaignResult, form: EmitAs | None, prepared: Prepared, machine: Shape, folder: Path
) -> tuple[Emitted, ...]:
    """The C of each failure, if a *form* is asked for."""
    if form is None:
        return ()
    era = Era.only(prepared.kernel.version)
    found = (exported_program(one.program, one.run.expected, era) for one in result.found)
    return tuple(emitted(one, form, prepared, machine, folder) for one in found)


def _exit_code(result: CampaignResult) -> int:
    if not result.programs:
        return 3
    return 1 if result.found else 0
