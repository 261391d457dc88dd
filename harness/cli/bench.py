"""``kmap-harness bench``: how fast the harness is, here and now."""

import os
import platform
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from harness.base.progress import Progress
from harness.bench.figure import Figure
from harness.bench.kunit import kunit_tree
from harness.bench.peer import PeerArguments, find_peers, measure_peers
from harness.bench.scale import falls_below_one
from harness.bench.subject import Subject
from harness.bench.suite import GUESTS, PARTS, PEERS, Effort, Suite
from harness.cli.main import COMMANDS
from harness.cli.options import (
    BASELINE_HELP,
    DEFAULT_KERNEL,
    QUICK_HELP,
    Debug,
    Json,
    KernelName,
    Machine,
    Silence,
)
from harness.cli.output import CommandOutput, shown_progress, write_json
from harness.errors import UsageError
from harness.guest.shape import Shape
from harness.guest.shape_words import describe_shape, parse_shape
from harness.kernel.build_recipe import recipes
from harness.kernel.catalogue import known
from harness.report.bench_report import bench_lines, bench_value, read_figures
from harness.run.prepare import prepare

Quick = Annotated[
    bool,
    typer.Option(
        "--quick",
        help=f"{QUICK_HELP} About a minute: boots, restores and steps, without other kernels "
        "or peers.",
    ),
]
Parts = Annotated[
    list[str] | None,
    typer.Option(
        "--part", help=f"Measure only this; may be repeated: {', '.join((*PARTS, PEERS))}."
    ),
]
Rounds = Annotated[int | None, typer.Option(min=1, help="Number of samples of each figure.")]
Kunit = Annotated[
    str,
    typer.Option(
        help="A kernel of the catalogue (6.1-pae): also measure kunit.py and `check`, both after "
        "the same edit of it. Or a kernel tree: measure its kunit.py, with nothing edited.",
    ),
]
CheckArguments = Annotated[
    str,
    typer.Option(
        "--check", help="Also measure a `check` with these arguments and a warm build folder."
    ),
]
Baseline = Annotated[Path | None, typer.Option(help=BASELINE_HELP)]


def bench(
    kernel: KernelName = DEFAULT_KERNEL,
    shape: Machine = "",
    quick: Quick = False,
    part: Parts = None,
    rounds: Rounds = None,
    kunit: Kunit = "",
    check: CheckArguments = "",
    json: Json = None,
    baseline: Baseline = None,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Measure boots, steps a second and their parts.

    Figures are medians of interleaved runs; a fixed loop beside each tells how fast the host was.
    """
    del debug
    effort = (Effort.quick() if quick else Effort.full()).only(_known(part or ()), rounds)
    before = read_figures(baseline) if baseline else {}
    output = CommandOutput(json)
    machine = parse_shape(shape)
    with shown_progress(quiet=quiet) as progress:
        subject = Subject(prepare(kernel, None, progress), machine)
        others = _others(kernel, machine, progress) if "kernels" in effort.samples else ()
        figures = Suite(subject, effort, others).measure(progress.step)
        with _peer_arguments(kunit, tuple(shlex.split(check)), progress) as arguments:
            theirs, missing = _peers(arguments, subject, effort, progress.step)
    figures += theirs
    about = _about(subject)
    slower = falls_below_one(figures, GUESTS)
    output.report([", ".join(about.values()), *bench_lines(figures, before, missing)])
    output.report(f"{count} guests together are slower than one" for count in slower)
    write_json(json, bench_value(figures, about, missing))


def _known(parts: Sequence[str]) -> Sequence[str]:
    """*parts*, checked.  Raises UsageError for a part that does not exist."""
    for part in parts:
        if part not in (*PARTS, PEERS):
            raise UsageError(
                f"{part!r} is nothing to measure", hint=f"parts are: {', '.join((*PARTS, PEERS))}"
            )
    return parts


@contextmanager
def _peer_arguments(
    kunit: str, check: tuple[str, ...], progress: Progress
) -> Iterator[PeerArguments]:
    """The input of the other tools; for a kernel of the catalogue, trees ready for an edit."""
    if recipe := recipes().get(kunit):
        with kunit_tree(recipe, progress) as tree:
            yield PeerArguments(check=check, edited=tree.peers())
    else:
        yield PeerArguments(Path(kunit) if kunit else None, check)


def _others(kernel: str, machine: Shape, progress: Progress) -> tuple[Subject, ...]:
    """The other stock kernels."""
    names = (stock.name for stock in known() if stock.name != kernel)
    return tuple(Subject(prepare(name, None, progress), machine) for name in names)


def _peers(
    arguments: PeerArguments, subject: Subject, effort: Effort, say: Callable[[str], None]
) -> tuple[tuple[Figure, ...], Mapping[str, str]]:
    rounds = effort.samples.get(PEERS, 0)
    if not rounds:
        return (), {}
    found = find_peers(arguments, subject.prepared.kernel.bzimage, has_check="check" in COMMANDS)
    return measure_peers(found, rounds, say)


def _about(subject: Subject) -> dict[str, str]:
    """The subject of the measurement, its time and its machine."""
    return {
        "kernel": subject.prepared.kernel.release,
        "machine": describe_shape(subject.shape),
        "date": time.strftime("%Y-%m-%d"),
        "host": f"{len(os.sched_getaffinity(0))} CPUs, Python {platform.python_version()}",
    }
