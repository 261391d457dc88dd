"""What changed in a night: each program of each job held against its own past.  Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from harness.store.flakiness import Flakiness
from harness.store.store_records import PlannedJob, RunFinding, StoredRun


class ChangeKind(StrEnum):
    """How a program of a job stands, the most important first."""

    NEWLY_FAILING = "newly failing"
    NEWLY_FLAKY = "newly flaky"
    NEWLY_FIXED = "newly fixed"
    NO_VERDICT = "no verdict"
    STILL_FAILING = "still failing"
    FLAKY = "flaky"
    NOT_RUN = "not run"


TOLD: Final = (ChangeKind.NEWLY_FAILING, ChangeKind.NEWLY_FLAKY, ChangeKind.NEWLY_FIXED)
"""What is news: the kinds for which a mail is written."""


@dataclass(frozen=True, slots=True)
class ProgramChange:
    """One program of one job that does not simply agree as before.

    ``run`` is the night's, None where the job was not run.  ``last_good`` and ``first_bad`` are
    nights, empty where there is none; ``flakiness`` counts the repetitions with equal inputs.
    """

    kind: ChangeKind
    job: str
    program: str = ""
    run: StoredRun | None = None
    finding: RunFinding | None = None
    last_good: str = ""
    first_bad: str = ""
    flakiness: Flakiness = field(default_factory=Flakiness)
    because: str = ""

    @property
    def subject(self) -> str:
        """The program and its job, for people."""
        return f"{self.program} on {self.job}" if self.program else self.job

    @property
    def text(self) -> str:
        """What was found, or why there is no verdict."""
        return self.finding.text if self.finding else self.because


def compare_nights(
    planned: Iterable[PlannedJob], now: Iterable[StoredRun], past: Sequence[StoredRun]
) -> tuple[ProgramChange, ...]:
    """What changed between *past*, the oldest night first, and *now*: the worst first."""
    runs = {run.job: run for run in now}
    before = _by_job(past)
    found = [
        change for run in runs.values() for change in _job_changes(run, before.get(run.job, ()))
    ]
    found += _not_run({**_of_last_night(past), **_left_out(planned)}, runs)
    order = list(ChangeKind)
    return tuple(sorted(found, key=lambda one: (order.index(one.kind), one.job, one.program)))


def _of_last_night(past: Sequence[StoredRun]) -> Mapping[str, str]:
    """The jobs of the night before; one that was given up longer ago is missed no more."""
    return {run.job: "" for run in past if run.night == past[-1].night}


def _left_out(planned: Iterable[PlannedJob]) -> Mapping[str, str]:
    return {one.job: one.left_out for one in planned}


def _not_run(jobs: Mapping[str, str], runs: Mapping[str, StoredRun]) -> Iterator[ProgramChange]:
    """The jobs without a run, each with the reason, if that is known."""
    for job, why in jobs.items():
        if job not in runs:
            yield ProgramChange(ChangeKind.NOT_RUN, job, because=why)


def _by_job(runs: Iterable[StoredRun]) -> Mapping[str, Sequence[StoredRun]]:
    found: dict[str, list[StoredRun]] = {}
    for run in runs:
        found.setdefault(run.job, []).append(run)
    return found


def _job_changes(run: StoredRun, past: Sequence[StoredRun]) -> Iterator[ProgramChange]:
    """The changes of one job, each of its programs by itself."""
    if not run.judged:
        finding = next((one for one in run.findings if one.kind == "error"), None)
        yield ProgramChange(ChangeKind.NO_VERDICT, run.job, "", run, finding, _last_good(past, ""))
        return
    judged = [one for one in past if one.judged]
    same = [one for one in judged if one.inputs == run.inputs]
    programs = set().union(run.failing, *(one.failing for one in (*judged[-1:], *same)))
    for program in sorted(programs):
        yield from _program_change(program, run, judged, same)


def _program_change(
    program: str, run: StoredRun, judged: Sequence[StoredRun], same: Sequence[StoredRun]
) -> Iterator[ProgramChange]:
    fails, failed = program in run.failing, program in (judged[-1].failing if judged else ())
    tries = _tries(program, (*same, run))
    if tries.is_flaky:
        known = _tries(program, same).is_flaky
        kind = ChangeKind.FLAKY if known else ChangeKind.NEWLY_FLAKY
    elif fails:
        kind = ChangeKind.STILL_FAILING if failed else ChangeKind.NEWLY_FAILING
    elif failed:
        kind = ChangeKind.NEWLY_FIXED
    else:
        return
    yield ProgramChange(
        kind,
        run.job,
        program,
        run,
        _finding(program, run) or _finding(program, *reversed(judged)),
        _last_good((*judged, run), program),
        _first_bad((*judged, run), program),
        tries,
    )


def _tries(program: str, runs: Sequence[StoredRun]) -> Flakiness:
    return Flakiness(sum(program in run.failing for run in runs), len(runs))


def _finding(program: str, *runs: StoredRun) -> RunFinding | None:
    """The first finding on *program* in the first of *runs* that has one."""
    found = (one for run in runs for one in run.findings if one.program == program)
    return next(found, None)


def _last_good(runs: Sequence[StoredRun], program: str) -> str:
    """The last night in which *program* did not fail."""
    good = (run.night for run in reversed(runs) if run.judged and program not in run.failing)
    return next(good, "")


def _first_bad(runs: Sequence[StoredRun], program: str) -> str:
    """The first night of the last unbroken row in which *program* failed."""
    first, open_row = "", False
    for run in runs:
        bad = program in run.failing
        if bad and not open_row:
            first = run.night
        open_row = bad
    return first
