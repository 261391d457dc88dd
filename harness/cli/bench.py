"""``kmap-harness bench``: how fast the harness is, here and now."""

import json as json_format
import os
import platform
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from harness.bench.report import read_baseline, table, value
from harness.bench.subject import Subject
from harness.bench.suite import Effort, measure
from harness.cli.progress import progress_for
from harness.cli.run import DEFAULT_KERNEL
from harness.cli.shape import parse_shape
from harness.run.job import describe
from harness.run.prepare import prepare


def bench(
    kernel: Annotated[str, typer.Option(help="A stock kernel's name (see `kernels`).")] = DEFAULT_KERNEL,
    shape: Annotated[str, typer.Option(help="Machine as words, as in `run`.")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="About a minute, without several guests.")] = False,
    json: Annotated[Path | None, typer.Option(help="Write the figures as JSON.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="JSON of an earlier time to compare with.")] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks.")] = False,
) -> None:
    """Measure boots, steps a second and their parts: medians of interleaved runs, each beside a fixed loop."""
    del debug
    before = read_baseline(baseline) if baseline else {}
    machine = parse_shape(shape)
    with progress_for(Console(stderr=True)) as progress:
        subject = Subject(prepare(kernel, None, progress), machine)
        figures = measure(subject, Effort.quick() if quick else Effort.full(), progress.step)
    about = {
        "kernel": subject.prepared.kernel.release,
        "machine": describe(machine),
        "date": time.strftime("%Y-%m-%d"),
        "host": f"{len(os.sched_getaffinity(0))} CPUs, Python {platform.python_version()}",
    }
    lines = [", ".join(about.values()), *table(figures, before)]
    sys.stdout.write("\n".join(lines) + "\n")
    if json:
        json.parent.mkdir(parents=True, exist_ok=True)
        json.write_text(json_format.dumps(value(figures, about), indent=1) + "\n", encoding="utf-8")
