"""Kills workers and the scheduler, which writes the store, at random moments of many nights.

``python -m tests.nightly.kill_rounds FOLDER KILLS SEED`` ends with 0 if, whoever was killed, no
verdict was lost, changed, or found twice, and the store was whole.  A process of its own: it forks
nights, and has no threads.
"""

import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from harness.nightly import job_process, night_run
from harness.nightly.fleet import FleetLimits
from harness.nightly.host_capacity import Capacity
from harness.nightly.job_identity import NightOrigin
from harness.nightly.night_job import Job
from harness.nightly.night_run import NightTeller, ThisHost, plan_night, run_night
from harness.store.store import Store
from harness.store.store_records import StoredRun

FAKE = Path(__file__).with_name("fake_job.sh")
JOBS = 24
VERDICTS = ("agree", "diverge", "error")
RETRIES = 1_000
LONGEST_PAUSE = 0.04
"""Seconds between two kills, at most; a night of fake jobs takes some tenths."""


def jobs() -> tuple[Job, ...]:
    return tuple(Job(f"job-{n}", (f"job-{n}", VERDICTS[n % 3]), 1, 1) for n in range(JOBS))


class Round:
    """One night, started again until it is through."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder, self.ledger = folder, folder / "ledger"
        self.path = folder / "store.sqlite"
        self.known: Mapping[str, StoredRun] = {}
        self.executed: Counter[str] = Counter()
        self.ledger.touch()
        Store(self.path, make=True).__exit__()

    def night(self) -> int:
        """Start the night in a process of its own; return its number."""
        self.executed = self.executions()
        child = os.fork()
        if child:
            return child
        os.setsid()
        status = 1
        try:
            self._run()
            status = 0
        finally:
            os._exit(status)

    def _run(self) -> None:
        os.environ["LEDGER"] = str(self.ledger)
        origin = NightOrigin("night", "m", "s", "h")
        with Store(self.path) as store:
            plan = plan_night(store, jobs(), origin, "night", named=True)
            place = ThisHost(self.folder / "out", Capacity(4, 10_000_000), plan.forecast)
            run_night(store, plan, place, None, NightTeller(_quiet, _quiet))

    def executions(self) -> Counter[str]:
        return Counter(self.ledger.read_text().split())

    def check(self) -> None:
        """What was there is there, unchanged; nothing is there twice, or was done again."""
        now = self.executions()
        again = {one for one in self.known if now[one] > self.executed[one]}
        assert not again, f"done again though finished: {again}"
        with Store(self.path) as store:
            runs = store.runs()
            reports = {run.key: store.report(run.key) for run in runs}
        found = {run.job: run for run in runs}
        assert len(found) == len(runs), "a verdict was doubled"
        lost = {name for name, run in self.known.items() if found.get(name) != run}
        assert not lost, f"verdicts were lost or changed: {lost}"
        for run in runs:
            self._whole(run, reports[run.key])

    def _whole(self, run: StoredRun, report: Mapping[str, object]) -> None:
        verdict = VERDICTS[int(run.job.partition("-")[2]) % 3]
        assert (run.verdict, report["verdict"]) == (verdict, verdict), run
        assert [one.text for one in run.findings] == [f"{run.job} crashed"], run

    def remember(self) -> None:
        """Take down what is finished before the night goes on."""
        with Store(self.path) as store:
            self.known = {run.job: run for run in store.runs()}


def _quiet(event: object) -> None:
    del event


def workers(night: int) -> list[int]:
    """The processes of the jobs that run."""
    found: list[int] = []
    for task in Path(f"/proc/{night}/task").glob("*/children"):
        try:
            found += map(int, task.read_text().split())
        except OSError:
            continue
    return found


def ended(night: int) -> bool:
    """Whether the night is through; one that failed ends the test."""
    child, status = os.waitpid(night, os.WNOHANG)
    assert not child or status == 0, f"the night failed: {status}"
    return bool(child)


def kills_of(one: Round, chance: random.Random) -> Iterator[str]:
    """Run the night of a round to its end; yield whom each kill has hit."""
    night = one.night()
    while not _ended_after(night, chance.uniform(0, LONGEST_PAUSE)):
        victims = workers(night)
        if victims and chance.random() < 0.5:
            _kill(chance.choice(victims))
            yield "worker"
            continue
        _kill(night)
        os.waitpid(night, 0)
        one.check()
        one.remember()
        night = one.night()
        yield "scheduler"
    one.check()
    with Store(one.path) as store:
        assert {run.job for run in store.runs()} == {job.name for job in jobs()}


def _ended_after(night: int, seconds: float) -> bool:
    time.sleep(seconds)
    return ended(night)


def _kill(process: int) -> None:
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return


def main(folder: Path, wanted: int, seed: int) -> int:
    """Rounds until so many kills are done."""
    job_process.own_command = lambda: (str(FAKE),)
    night_run.FleetLimits = partial(FleetLimits, retries=RETRIES)
    chance, done, rounds = random.Random(seed), Counter[str](), 0
    while sum(done.values()) < wanted:
        rounds += 1
        done.update(kills_of(Round(folder / f"round-{rounds}"), chance))
    sys.stdout.write(
        f"{done['scheduler']} kills of the scheduler, {done['worker']} of workers"
        f" in {rounds} nights of {JOBS} jobs: no verdict lost or doubled\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
