"""``kmap-harness fuzz``: random programs, and the smallest one for each failure."""

import shlex
from datetime import date
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from harness.base.duration import parse_duration
from harness.base.held_folders import output_folder
from harness.base.output_files import write_whole
from harness.base.progress import Progress
from harness.base.signals import EndedBySignal
from harness.cli.options import (
    DEFAULT_KERNEL,
    JOBS_HELP,
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
from harness.fuzz.corpus import FOUND, Corpus, minimise
from harness.fuzz.found_failure import SHRINK_SECONDS
from harness.fuzz.fuzzed_guest import FuzzedGuest, Start, source_for
from harness.fuzz.program_source import Reaching
from harness.guest.shape import Shape
from harness.guest.shape_words import parse_shape
from harness.nightly.host_capacity import HARNESS_MIB, Capacity
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
CorpusFolder = Annotated[
    Path | None,
    typer.Option(
        "--corpus",
        help="Folder of programs that reached something new: they run first, and those that this "
        "command finds are added, in their smallest form.",
    ),
]
FuzzJobs = Annotated[int, typer.Option("--jobs", min=0, max=64, help=JOBS_HELP)]
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
    jobs: FuzzJobs = 1,
    corpus: CorpusFolder = None,
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
    output, kept = CommandOutput(json, quiet=quiet), Corpus(corpus) if corpus else None
    folder = output_folder(out, "fuzz", Path(kernel).name)
    with shown_progress(quiet=quiet) as progress:
        prepared = prepare(kernel, build_dir, progress)
        machine = usual_machine(machine, prepared.kernel)
        progress.step(f"fuzzing {prepared.kernel.release}")
        start = partial(FuzzedGuest, prepared, machine, bugs, folder)
        replayed = kept.programs if kept else None
        source = source_for(prepared, machine, seed, guided=guided, replayed=replayed)
        guests = jobs or _most_guests(machine)
        campaign = Campaign(start, source, budget, progress, jobs=guests)
        ended = _ended(campaign, kept, start, progress)
    result = campaign.result()
    files = _save(result, folder)
    emissions = _emissions(result, emit, prepared, machine, folder)
    command = _run_command(kernel, build_dir, shape)
    release = prepared.kernel.release
    lines = fuzz_lines(release, seed, result, files, command, emissions=emissions)
    output.report(with_logs(list(lines), folder))
    write_json(json, fuzz_value(release, seed, result, files, emissions))
    if ended:
        raise ended
    raise typer.Exit(_exit_code(result))


def _run_command(kernel: str, build_dir: Path | None, shape: str) -> str:
    """The command that runs a scenario on the same kernel and machine."""
    words = ["kmap-harness", "run", "--kernel", kernel]
    words += ["--build-dir", str(build_dir)] if build_dir else []
    return shlex.join([*words, *(["--shape", shape] if shape else [])])


def _most_guests(machine: Shape) -> int:
    """As many guests as the host has cores and memory for."""
    host = Capacity.of_host()
    return max(1, min(host.cores, host.memory_mib // (machine.memory + HARNESS_MIB)))


def _ended(
    campaign: Campaign, corpus: Corpus | None, start: Start, progress: Progress
) -> EndedBySignal | None:
    """Run *campaign*; the signal that ended it early, if one did: what was found is reported."""
    try:
        campaign.run()
        if corpus:
            _minimise(corpus, _kept(corpus, campaign.result()), start, progress)
    except EndedBySignal as ended:
        if corpus:
            _kept(corpus, campaign.result())
        return ended
    return None


def _kept(corpus: Corpus, result: CampaignResult) -> tuple[Reaching, ...]:
    """Add to *corpus* what *result* has; return the programs that are not in it as small ones."""
    for one in result.found:
        corpus.keep(one.program, FOUND)
    return corpus.keep_new(result.reaching)


def _minimise(
    corpus: Corpus, large: tuple[Reaching, ...], start: Start, progress: Progress
) -> None:
    progress.step(f"{corpus.folder}: shrinking {len(large)} programs that reached something")
    end = monotonic() + SHRINK_SECONDS
    minimise(corpus, large, start, lambda: monotonic() > end)


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
