"""What the store remembers, for a terminal: nights, the history of a job, kernel messages."""

from collections.abc import Iterator, Sequence

from harness.report.run_counts import number_of
from harness.store.kernel_messages import MessageGroup
from harness.store.store_records import StoredNight, StoredRun


def nights_lines(
    nights: Sequence[StoredNight], runs: Sequence[StoredRun], place: str
) -> Iterator[str]:
    """Each night with its verdicts; the last line says that the file is whole."""
    for night in nights:
        of_it = [run for run in runs if run.night == night.name]
        agree = sum(run.verdict == "agree" for run in of_it)
        end = "" if night.ended else "; it has not come to its end"
        yield f"{night.name}: {agree} of {number_of(len(of_it), 'run')} agree{end}"
    counts = f"{number_of(len(nights), 'night')}, {number_of(len(runs), 'run')}"
    yield f"{place} is whole: {counts}"


def history_lines(runs: Sequence[StoredRun]) -> Iterator[str]:
    """The runs of a job, the oldest first: the verdict, and which programs fail."""
    for run in runs:
        steps = f"{run.steps} steps in {run.seconds:.1f} s"
        yield f"{run.night}  {run.verdict:8} {run.provenance.release}  {steps}"
        for one in run.findings:
            place = f"{one.program}: " if one.program else ""
            yield f"    {one.kind}: {place}{one.text}"


def messages_lines(groups: Sequence[MessageGroup]) -> Iterator[str]:
    """Each kind of message: how often, since when, and on which jobs."""
    for one in groups:
        yield f"{one.fingerprint}  {one.text}"
        jobs = f"{', '.join(one.jobs[:3])}{', ...' if len(one.jobs) > 3 else ''}"
        yield f"    {number_of(one.times, 'time')}, {one.first} to {one.last}: {jobs}"
    yield f"{number_of(len(groups), 'kind')} of kernel messages"
