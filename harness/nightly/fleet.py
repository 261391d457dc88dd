"""Many runs at once: as many as cores and memory allow, and none stops the others.

Each job is a process of its own, so that a harness that crashes loses one result only.
"""

import json
import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from typing import Any

from harness.base.project import own_command
from harness.base.signals import EndedBySignal
from harness.nightly.crew import LOOK_SECONDS, NOT_STARTED, Crew

HARNESS_MIB = 400
"""Memory that a run needs beside its guest's: for Python, traces and QEMU.

Measured: 250 to 330.
"""


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a night: a command line, and what it needs of the host.

    ``command`` is ``run``, or another command that writes the same kind of JSON object.
    """

    name: str
    arguments: tuple[str, ...]
    smp: int
    memory_mib: int
    command: str = "run"

    @property
    def cores(self) -> int:
        """Host cores that the job can keep busy.

        The steps of a guest follow each other, so more than two would idle.
        """
        return 1 if self.smp == 1 else 2


@dataclass(frozen=True, slots=True)
class JobResult:
    """How one job ended; ``report`` is its JSON, or a stand-in with the verdict ``error``."""

    job: Job
    exit_code: int
    seconds: float
    folder: Path
    report: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the host has for jobs: cores, and MiB of memory."""

    cores: int
    memory_mib: int

    @classmethod
    def of_host(cls) -> "Capacity":
        """All usable cores, and nine tenths of the memory that is available now."""
        return cls(len(os.sched_getaffinity(0)), available_mib() * 9 // 10)


def available_mib() -> int:
    """MemAvailable of the host, MiB (``/proc/meminfo``)."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 1024


class Admission:
    """Lets a job start when its cores and memory are free.

    A job that is too large for the host runs alone.
    """

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._cores = 0
        self._memory = 0
        self._changed = Condition()

    def enter(self, job: Job) -> None:
        """Wait for room, and take it."""
        with self._changed:
            while not self._changed.wait_for(lambda: self._fits(job), LOOK_SECONDS):
                continue
            self._cores += job.cores
            self._memory += job.memory_mib + HARNESS_MIB

    def leave(self, job: Job) -> None:
        """Give the room back."""
        with self._changed:
            self._cores -= job.cores
            self._memory -= job.memory_mib + HARNESS_MIB
            self._changed.notify_all()

    def _fits(self, job: Job) -> bool:
        if not self._cores:
            return True
        return (
            self._cores + job.cores <= max(self._capacity.cores, 2)
            and self._memory + job.memory_mib + HARNESS_MIB <= self._capacity.memory_mib
        )


class FleetEnded(EndedBySignal):
    """A signal has ended the fleet; ``results`` are those of every job, done or not."""

    def __init__(self, ended: EndedBySignal, results: tuple[JobResult, ...]) -> None:
        super().__init__(ended.number)
        self.results = results


def run_fleet(
    jobs: Iterable[Job],
    folder: Path,
    capacity: Capacity,
    ended: Callable[[JobResult], None],
    begun: Callable[[Job], None],
) -> tuple[JobResult, ...]:
    """Run every job, each with a folder of its own below *folder*.

    Each calls *begun* as it starts, and *ended* as it ends.

    Raises FleetEnded after a signal: what runs was ended, and what waited is not started.
    """
    jobs = tuple(jobs)
    admission, crew = Admission(capacity), Crew()

    def admitted(job: Job) -> JobResult:
        admission.enter(job)
        try:
            if not crew.stopped:
                begun(job)
            result = _run(job, folder / job.name, crew)
        finally:
            admission.leave(job)
        if not crew.stopped:
            ended(result)
        return result

    with ThreadPoolExecutor(max_workers=max(1, len(jobs))) as pool:
        futures = [pool.submit(admitted, job) for job in jobs]
        try:
            return tuple(_awaited(one) for one in futures)
        except EndedBySignal as signal:
            crew.stop()
            raise FleetEnded(signal, tuple(_awaited(one) for one in futures)) from None


def _awaited(future: Future[JobResult]) -> JobResult:
    """The result of a job, however long it takes: its guests have deadlines of their own."""
    while True:
        try:
            return future.result(LOOK_SECONDS)
        except FutureTimeoutError:
            continue


def _run(job: Job, folder: Path, crew: Crew) -> JobResult:
    folder.mkdir(parents=True, exist_ok=True)
    report, log = folder / "run.json", folder / "output.log"
    report.unlink(missing_ok=True)
    files = ("--json", str(report), "--out", str(folder))
    started = time.monotonic()
    code = crew.run((*own_command(), job.command, *job.arguments, *files), log)
    if code == NOT_STARTED:
        return JobResult(job, code, 0.0, folder, _no_report("not run: the night was ended"))
    seconds = time.monotonic() - started
    return JobResult(job, code, seconds, folder, _report(report, log, code))


def _no_report(why: str) -> Mapping[str, Any]:
    return {"verdict": "error", "error": why, "steps": 0}


def exit_code(results: Iterable[JobResult]) -> int:
    """1 where any run diverged, else the worst failure, else 0; no run at all is a failure."""
    codes = {result.exit_code for result in results}
    if 1 in codes:
        return 1
    return max((3 if code not in (0, 2) else code for code in codes), default=3)


def _report(path: Path, log: Path, code: int) -> Mapping[str, Any]:
    """The JSON that the run wrote, or else the last lines of its log."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
        return _no_report("\n".join(last) or f"no output; exit code {code}")
    assert isinstance(report, dict), "a run writes one JSON object"
    return report
