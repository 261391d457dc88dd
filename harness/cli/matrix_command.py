"""``kmap-harness matrix``: the shards of a night, for the pipelines of a CI system."""

from pathlib import Path
from typing import Annotated

import typer

from harness.cli.options import Debug, MatrixFile, NightSets
from harness.cli.output import CommandOutput
from harness.errors import UsageError
from harness.nightly.matrix import Matrix, read_matrix
from harness.nightly.night_jobs import NightRequest, night_jobs
from harness.nightly.shards import Shard
from harness.report.pipeline_matrix import PIPELINE_FORMATS

Format = Annotated[
    str,
    typer.Option(
        "--format",
        help=f"CI system to write for: {', '.join(PIPELINE_FORMATS)}. [default: a list of jobs]",
    ),
]
Shards = Annotated[
    int, typer.Option(min=1, max=256, help="Number of machines; never more than there are jobs.")
]


def matrix(
    file: MatrixFile = None,
    what: NightSets = None,
    form: Format = "",
    shards: Shards = 4,
    debug: Debug = False,
) -> None:
    """Print which jobs each shard of a night has, or the matrix of a pipeline.

    Exit 0, or 2 for wrong use.
    """
    del debug
    if form and form not in PIPELINE_FORMATS:
        known = ", ".join(PIPELINE_FORMATS)
        raise UsageError(f"there is no format {form!r}", hint=f"formats are: {known}")
    jobs = night_jobs(NightRequest(_matrix(file).chosen(what or [])))
    parts = min(shards, len(jobs))
    every = [Shard(number, parts) for number in range(1, parts + 1)]
    if form:
        typer.echo(PIPELINE_FORMATS[form](every))
        return
    output = CommandOutput()
    output.report(f"{shard}: {job.name}" for shard in every for job in shard.share(jobs))


def _matrix(file: Path | None) -> Matrix:
    return read_matrix(file) if file else read_matrix()
