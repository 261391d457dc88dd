"""``kmap-harness nightly``: the main job over kernels and machine shapes, in parallel, never stopped by one of them."""

import json
import sys
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from harness.base.output_files import require_folder, write_whole
from harness.cli.options import Debug, KnownBugsFile, Seed
from harness.compare.known_bugs_file import load_known_bugs
from harness.errors import UsageError
from harness.guest.shape_words import SHAPE_WORDS, parse_shape
from harness.kernel.build_recipe import recipes
from harness.nightly.baseline import VerdictChange, changes, read_baseline
from harness.nightly.fleet import Capacity, Job, JobResult, run_fleet
from harness.nightly.nights import NIGHTS, Night
from harness.report.junit import write_junit

_STARTS = 3
"""Templates of one machine that the seeds go round: each costs a boot once and 60 MB on disk."""

_SOURCE_SHAPES = ("smp=1", "smp=2")
"""Their configurations are small: no KASLR and no page table isolation."""
_HISTORY_SHAPE = "smp=2,parallel"


def nightly(
    kernel: Annotated[
        list[str] | None,
        typer.Option(help="Kernel to run; may be repeated. Default: those of the set."),
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(help=f"Machine as words joined by commas: {SHAPE_WORDS}. May be repeated."),
    ] = None,
    source: Annotated[
        bool,
        typer.Option(
            "--source", help="Also every kernel of images/kernels.toml, built where missing."
        ),
    ] = False,
    what: Annotated[
        str, typer.Option("--set", help=f"Which runs: {', '.join(NIGHTS)} (docs/contexts.md).")
    ] = "usual",
    seeds: Annotated[
        int, typer.Option(help="Runs from so many seeds; 0: as many as the set has.")
    ] = 0,
    out: Annotated[
        Path, typer.Option(help="Folder for nightly.json, junit.xml and each run's artefacts.")
    ] = Path("out/nightly"),
    baseline: Annotated[
        Path | None, typer.Option(help="nightly.json of an earlier night to compare with.")
    ] = None,
    known_bugs: KnownBugsFile = None,
    seed: Seed = 1,
    steps: Annotated[int, typer.Option(help="Generated steps of each run.")] = 20_000,
    abstract: Annotated[
        int, typer.Option(help="Steps of the abstract programs in each lowering (see `run`).")
    ] = 20_000,
    histories: Annotated[
        int,
        typer.Option(min=0, help="Operations of concurrent histories on each kernel, 0 for none."),
    ] = 1_000_000,
    debug: Debug = False,
) -> None:
    """Run the main job over stock kernels and machine shapes; one JSON, one JUnit file, a folder for each run."""
    del debug
    before = read_baseline(baseline) if baseline else {}
    load_known_bugs(known_bugs, date.today())
    listed = ("--known-bugs", str(known_bugs)) if known_bugs else ()
    night = _night(what)
    jobs: tuple[Job, ...] = ()
    for number, suffix, extra in _seeds(night, seed, seeds):
        common = ("--seed", str(number), "--steps", str(steps), *extra, *listed)
        common += () if suffix else ("--abstract", str(abstract))
        jobs += make_jobs(kernel or night.kernels, shape or night.shapes, common, number, suffix)
    if source:
        usual = ("--seed", str(seed), "--steps", str(steps), *listed)
        jobs += make_jobs(tuple(recipes()), shape or _SOURCE_SHAPES, usual, seed)
    if histories:
        jobs += tuple(history_job(name, histories, seed) for name in kernel or night.kernels)
    require_folder(out)
    results = run_fleet(jobs, out, Capacity.of_host(), _say)
    document = {"runs": [_entry(result) for result in results]}
    news = changes(before, document["runs"]) if baseline else ()
    document["changes"] = [
        {"job": c.job, "before": c.before, "now": c.now, "worse": c.worse} for c in news
    ]
    write_whole(out / "nightly.json", json.dumps(document, indent=1) + "\n")
    write_junit(results, out / "junit.xml")
    _summarise(results, news, out)
    raise typer.Exit(exit_code(results))


def _night(name: str) -> Night:
    if name not in NIGHTS:
        raise UsageError(f"there is no set {name!r}", hint=f"there are: {', '.join(NIGHTS)}")
    return NIGHTS[name]


def _seeds(night: Night, first: int, count: int) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """(seed, what it adds to the name, further arguments) of each round over kernels and shapes."""
    for number in range(first, first + (count or night.seeds)):
        more = number - first
        yield number, f"-seed{number}" if more else "", () if more else night.first


def make_jobs(
    kernels: Sequence[str],
    shapes: Sequence[str],
    common: tuple[str, ...],
    seed: int,
    suffix: str = "",
) -> tuple[Job, ...]:
    """Every kernel on every shape; neighbours, and one job on other seeds, start from other templates."""
    pairs = [(kernel, shape) for kernel in kernels for shape in shapes]
    return tuple(
        make_job(kernel, shape, common, suffix, variant=(seed + position) % _STARTS)
        for position, (kernel, shape) in enumerate(pairs)
    )


def make_job(
    kernel: str, shape: str, common: tuple[str, ...], suffix: str = "", variant: int = 0
) -> Job:
    """The job for *kernel* on the machine that *shape* describes, in start *variant* unless it names one.

    The job's name does not tell the variant: a baseline compares the machine, whatever its start.
    Raises UsageError for an unknown word.
    """
    words = f"variant={variant},{shape}" if variant else shape
    arguments: list[str] = ["--kernel", kernel, "--shape", words, *common]
    machine = parse_shape(shape)
    name = f"{Path(kernel).name}-{shape.replace('=', '').replace(',', '-')}{suffix}"
    return Job(name, tuple(arguments), machine.smp, machine.memory)


def history_job(kernel: str, operations: int, seed: int) -> Job:
    """Concurrent histories of *kernel*, on CPUs that really run at once."""
    machine = parse_shape(_HISTORY_SHAPE)
    arguments = ("--kernel", kernel, "--shape", _HISTORY_SHAPE, "--seed", str(seed))
    counted = ("--operations", str(operations))
    return Job(
        f"{Path(kernel).name}-histories",
        arguments + counted,
        machine.smp,
        machine.memory,
        "histories",
    )


def exit_code(results: tuple[JobResult, ...]) -> int:
    """1 where any run diverged, else the worst failure, else 0."""
    codes = {result.exit_code for result in results}
    if 1 in codes:
        return 1
    return max((3 if code not in (0, 2) else code for code in codes), default=3)


def _entry(result: JobResult) -> dict[str, Any]:
    return {
        "name": result.job.name,
        "verdict": result.report.get("verdict", "error"),
        "exit_code": result.exit_code,
        "seconds": round(result.seconds, 2),
        "folder": str(result.folder),
        "report": result.report,
    }


def _say(result: JobResult) -> None:
    report = result.report
    verdict, steps = report.get("verdict", "error"), report.get("steps", 0)
    sys.stdout.write(f"{verdict:8} {result.job.name}: {steps} steps in {result.seconds:.1f} s\n")
    if report.get("error"):
        sys.stdout.write(f"         {str(report['error']).splitlines()[0]}\n")
    sys.stdout.flush()


def _summarise(results: tuple[JobResult, ...], news: tuple[VerdictChange, ...], out: Path) -> None:
    agreed = sum(1 for result in results if result.exit_code == 0)
    sys.stdout.write(f"\n{agreed} of {len(results)} runs agree; results in {out}\n")
    for change in news:
        mark = "WORSE" if change.worse else "changed"
        sys.stdout.write(
            f"{mark}: {change.job}: {change.before or 'new'} -> {change.now or 'not run'}\n"
        )
