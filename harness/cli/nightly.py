"""``kmap-harness nightly``: many runs over kernels and machine shapes, remembered in a store."""

import shlex
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from harness.base.duration import parse_duration
from harness.base.held_folders import output_folder
from harness.base.output_files import require_folder
from harness.base.progress import Progress
from harness.base.project import NAME
from harness.base.signals import EndedBySignal
from harness.cli.night_reports import write_reports
from harness.cli.options import (
    HISTORIES_HELP,
    JOBS_HELP,
    KERNEL_HELP,
    MACHINE_HELP,
    STORE,
    Abstract,
    Debug,
    Json,
    KnownBugsFile,
    MatrixFile,
    NightSets,
    Out,
    Seed,
    Silence,
    Steps,
    StoreFile,
    Verbose,
)
from harness.cli.output import CommandOutput, shown_progress, write_json
from harness.compare.known_bugs_file import load_known_bugs
from harness.errors import PrerequisiteError, UsageError
from harness.nightly.host_capacity import Capacity
from harness.nightly.job_identity import NightOrigin
from harness.nightly.matrix import NightSet, night_kernels, read_matrix
from harness.nightly.night_job import Job
from harness.nightly.night_jobs import NightRequest, night_jobs
from harness.nightly.night_run import (
    NightPlace,
    NightPlan,
    NightTeller,
    ThisHost,
    plan_night,
    run_night,
    utc_now,
)
from harness.nightly.shards import Shard, parse_shard
from harness.nightly.suites import SuiteEffort
from harness.report.nightly_report import job_lines, nightly_lines, nightly_value
from harness.store.night_view import NightView, view_night
from harness.store.store import Store
from harness.store.store_records import StoredRun

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
Budget = Annotated[
    str,
    typer.Option(
        help="Time to stop after, like 60m; the report lists the runs left out. [default: none]"
    ),
]
Jobs = Annotated[
    int,
    typer.Option(min=0, help=JOBS_HELP),
]
NightName = Annotated[
    str,
    typer.Option(
        help="Name of the night; a night that has this name goes on. [default: the time, or the "
        "last night if something has ended it early]"
    ),
]
ShardOption = Annotated[
    str,
    typer.Option(
        "--shard",
        help="Part of the night to run, like 2/5, with the --night that all parts have; "
        "`store merge` brings them together.",
    ),
]
Scheduler = Annotated[
    str,
    typer.Option(
        help="Address of a dask scheduler, like tcp://host:8786, whose workers run the night. "
        "[default: this host runs it]"
    ),
]
Seeds = Annotated[
    int, typer.Option(help="Number of seeds to run from; 0: as many as the set has.")
]
Histories = Annotated[
    int,
    typer.Option(min=0, help=HISTORIES_HELP),
]


def nightly(
    kernel: Kernels = None,
    shape: Machines = None,
    source: Source = False,
    matrix: MatrixFile = None,
    what: NightSets = None,
    budget: Budget = "",
    jobs: Jobs = 0,
    seeds: Seeds = 0,
    store: StoreFile = STORE,
    night: NightName = "",
    shard: ShardOption = "",
    scheduler: Scheduler = "",
    out: Out = Path("out/nightly"),
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
    """Run kernels on machine shapes, remember the results, and tell what is new.

    A run that fails stops no other.  Exit 0 agreement, 1 where a run of the night diverged, 2
    wrong use or missing prerequisite, 3 failure.
    """
    del debug
    seconds = parse_duration(budget) if budget else None
    load_known_bugs(known_bugs, date.today())
    sets = _sets(matrix, what or [], source=source)
    effort = SuiteEffort(steps, abstract, histories, known_bugs)
    request = NightRequest(
        sets, night_kernels(kernel or ()), tuple(shape or ()), seed, seeds, effort
    )
    chosen = night_jobs(request)
    output_folder(out, "nightly")
    output = CommandOutput(json, quiet=quiet)
    with _opened(store) as opened:
        plan = _plan(opened, chosen, night, shard)
        with _place(scheduler, plan, out, jobs) as place:
            ended = _run(opened, plan, place, seconds, output, quiet=quiet)
        view = view_night(opened, plan.origin.night)
    write_reports(view, out)
    write_json(json, nightly_value(view))
    output.report(nightly_lines(view, verbose=verbose))
    raise ended or typer.Exit(exit_code(view))


def _opened(path: Path) -> Store:
    require_folder(path.parent)
    return Store(path, make=True)


def _plan(store: Store, jobs: Sequence[Job], night: str, part: str) -> NightPlan:
    """The night of that name, or else a new one, or the last where something has ended it."""
    shard = parse_shard(part) if part else Shard()
    if part and not night:
        raise UsageError(
            "a shard belongs to a night", hint="give every shard the same --night NAME"
        )
    origin = NightOrigin.of_host(night or utc_now())
    words = shlex.join((NAME, *sys.argv[1:]))
    return plan_night(store, jobs, origin, words, shard, named=bool(night))


def _sets(path: Path | None, names: Sequence[str], *, source: bool) -> tuple[NightSet, ...]:
    matrix = read_matrix(path) if path else read_matrix()
    more = read_matrix().chosen(["source"]) if source else ()
    return (*matrix.chosen(names), *more)


@contextmanager
def _place(scheduler: str, plan: NightPlan, out: Path, jobs: int) -> Iterator[NightPlace]:
    """The place that runs the night.  Raises PrerequisiteError where no cluster answers."""
    if not scheduler:
        yield ThisHost(out, Capacity.of_host(jobs), plan.forecast)
        return
    if jobs:
        raise UsageError(
            "--jobs counts runs on this host, and --scheduler runs none there",
            hint="start workers with --resources for as many runs as they shall have at once",
        )
    with _dask_cluster(scheduler, plan) as cluster:
        yield cluster


def _dask_cluster(scheduler: str, plan: NightPlan) -> AbstractContextManager[NightPlace]:
    """The cluster, which needs a package that nothing else does."""
    try:
        module = import_module("harness.nightly.cluster")
    except ModuleNotFoundError as error:
        raise PrerequisiteError(
            f"--scheduler needs the package {error.name}",
            hint="pip install 'kmap-harness[cluster]'",
        ) from error
    cluster: AbstractContextManager[NightPlace] = module.DaskCluster(scheduler, plan.origin)
    return cluster


def _run(
    store: Store,
    plan: NightPlan,
    place: NightPlace,
    budget: float | None,
    output: CommandOutput,
    *,
    quiet: bool,
) -> EndedBySignal | None:
    """Run the night; return the signal that ended it, whose results are in the store too."""
    with shown_progress(quiet=quiet) as progress:
        if plan.done:
            progress.note(f"night {plan.origin.night} goes on: {plan.done} runs are done")
        watcher = NightWatcher(len(plan.to_do), progress, output)
        try:
            run_night(store, plan, place, budget, NightTeller(watcher.begun, watcher.ended))
        except EndedBySignal as ended:
            return ended
    return None


class NightWatcher:
    """Tells the user which runs of a night go on, and how each ended."""

    def __init__(self, total: int, progress: Progress, output: CommandOutput) -> None:
        self._total, self._progress, self._output = total, progress, output
        self._begun = self._ended = 0

    def begun(self, job: Job) -> None:
        """Tell that *job* has started."""
        self._begun += 1
        self._progress.step(f"run {self._begun} of {self._total}: {job.name}")
        self._progress.advance(self._ended, self._total, "runs ended")

    def ended(self, run: StoredRun) -> None:
        """Print how a job has ended."""
        self._ended += 1
        self._output.meanwhile(job_lines(run))
        self._progress.advance(self._ended, self._total, "runs ended")


def exit_code(view: NightView) -> int:
    """1 where any run diverged, else the worst failure, else 0; no run at all is a failure."""
    codes = {run.exit_code for run in view.runs}
    if 1 in codes:
        return 1
    return max((3 if code not in (0, 2) else code for code in codes), default=3)
