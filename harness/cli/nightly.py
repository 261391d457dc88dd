"""``kmap-harness nightly``: the main job over kernels and machine shapes, several at once."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Annotated

import typer

from harness.base.held_folders import output_folder
from harness.base.progress import Progress
from harness.cli.options import (
    BASELINE_HELP,
    KERNEL_HELP,
    MACHINE_HELP,
    Abstract,
    Debug,
    Json,
    KnownBugsFile,
    Out,
    Seed,
    Silence,
    Steps,
    Verbose,
)
from harness.cli.output import CommandOutput, shown_progress, write_json
from harness.compare.known_bugs_file import load_known_bugs
from harness.errors import UsageError
from harness.kernel.by_name import kernel_names
from harness.kernel.catalogue import UnknownKernelError
from harness.nightly.baseline import changes, read_baseline
from harness.nightly.fleet import (
    Capacity,
    FleetEnded,
    Job,
    JobResult,
    exit_code,
    run_fleet,
)
from harness.nightly.night_jobs import NightRequest, night_jobs
from harness.nightly.nights import NIGHTS, Night
from harness.report.junit import write_junit
from harness.report.nightly_report import job_lines, nightly_lines, nightly_value, runs_value

Kernels = Annotated[
    list[str] | None,
    typer.Option("--kernel", help=f"{KERNEL_HELP} May be repeated. [default: those of the set]"),
]
Machines = Annotated[
    list[str] | None,
    typer.Option("--shape", help=f"{MACHINE_HELP} May be repeated. [default: those of the set]"),
]
Source = Annotated[
    bool,
    typer.Option("--source", help="Also run every kernel that is built from source."),
]
NightName = Annotated[
    str, typer.Option("--set", help=f"Set of runs: {', '.join(NIGHTS)} (docs/contexts.md).")
]
Seeds = Annotated[
    int, typer.Option(help="Number of seeds to run from; 0: as many as the set has.")
]
Baseline = Annotated[Path | None, typer.Option(help=f"{BASELINE_HELP} A nightly.json.")]
Histories = Annotated[
    int,
    typer.Option(min=0, help="Operations of concurrent histories on each kernel, 0 for none."),
]


def nightly(
    kernel: Kernels = None,
    shape: Machines = None,
    source: Source = False,
    what: NightName = "usual",
    seeds: Seeds = 0,
    out: Out = Path("out/nightly"),
    baseline: Baseline = None,
    known_bugs: KnownBugsFile = None,
    seed: Seed = 1,
    steps: Steps = 20_000,
    abstract: Abstract = 20_000,
    histories: Histories = 1_000_000,
    json: Json = None,
    verbose: Verbose = False,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Run the main job over kernels and machine shapes; a run that fails stops no other.

    The output folder gets nightly.json, junit.xml and a folder for each run.  Exit 0 agreement, 1
    divergence or worse than the baseline, 2 wrong use or missing prerequisite, 3 failure.
    """
    del debug
    before = read_baseline(baseline) if baseline else {}
    load_known_bugs(known_bugs, date.today())
    _require_known(kernel or ())
    request = NightRequest(
        _night(what),
        tuple(kernel or ()),
        tuple(shape or ()),
        source,
        seed,
        seeds,
        steps,
        abstract,
        histories,
        known_bugs,
    )
    jobs = night_jobs(request)
    output_folder(out, "nightly")
    output = CommandOutput(json, quiet=quiet)
    results, stopped = _run(jobs, out, output, quiet=quiet)
    runs = runs_value(results)
    found = changes(before, runs) if baseline else ()
    for path in (out / "nightly.json", json):
        write_json(path, nightly_value(runs, found))
    write_junit(results, out / "junit.xml")
    output.report(nightly_lines(results, found, str(out), verbose=verbose))
    raise stopped or typer.Exit(exit_code(results) or int(any(one.worse for one in found)))


def _run(
    jobs: Sequence[Job], out: Path, output: CommandOutput, *, quiet: bool
) -> tuple[tuple[JobResult, ...], FleetEnded | None]:
    """The results of all jobs; and the signal that ended them, whose results are written too."""
    with shown_progress(quiet=quiet) as progress:
        watcher = NightWatcher(len(jobs), progress, output)
        try:
            capacity = Capacity.of_host()
            return run_fleet(jobs, out, capacity, watcher.ended, watcher.begun), None
        except FleetEnded as ended:
            return ended.results, ended


class NightWatcher:
    """Tells the user which runs of a night go on, and how each ended; several threads call it."""

    def __init__(self, total: int, progress: Progress, output: CommandOutput) -> None:
        self._total, self._progress, self._output = total, progress, output
        self._begun = self._ended = 0
        self._lock = Lock()

    def begun(self, job: Job) -> None:
        """Tell that *job* has started."""
        with self._lock:
            self._begun += 1
            self._progress.step(f"run {self._begun} of {self._total}: {job.name}")
            self._progress.advance(self._ended, self._total, "runs ended")

    def ended(self, result: JobResult) -> None:
        """Print how a job has ended."""
        with self._lock:
            self._ended += 1
            self._output.meanwhile(job_lines(result))
            self._progress.advance(self._ended, self._total, "runs ended")


def _require_known(kernels: Sequence[str]) -> None:
    """Raise UnknownKernelError for a kernel without a name, before the first run starts."""
    for name in kernels:
        if name not in kernel_names():
            raise UnknownKernelError(name, kernel_names())


def _night(name: str) -> Night:
    if name not in NIGHTS:
        raise UsageError(f"there is no set {name!r}", hint=f"there are: {', '.join(NIGHTS)}")
    return NIGHTS[name]
