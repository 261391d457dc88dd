"""One job as a process of its own: a harness that crashes loses one result only."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.base.held_folders import is_held
from harness.base.project import own_command
from harness.nightly.crew import CLEAN_UP_SECONDS, LOOK_SECONDS, NOT_STARTED, Crew
from harness.nightly.night_job import Job, JobResult

NOT_RUN = "not run: the night was ended"


def run_job(job: Job, folder: Path, crew: Crew, retries: int) -> JobResult:
    """Run *job*, again up to *retries* times where the harness or the host failed."""
    result = _once(job, folder, crew)
    for _ in range(retries):
        if crew.stopped or not result.failed_to_run:
            break
        result = _once(job, folder, crew)
    return result


def _once(job: Job, folder: Path, crew: Crew) -> JobResult:
    folder.mkdir(parents=True, exist_ok=True)
    _wait_for_another(folder, crew)
    report, log = folder / "run.json", folder / "output.log"
    report.unlink(missing_ok=True)
    files = ("--json", str(report), "--out", str(folder))
    started = time.monotonic()
    code = crew.run((*own_command(), job.command, *job.arguments, *files), log)
    seconds = time.monotonic() - started
    if code == NOT_STARTED:
        return JobResult(job, code, 0.0, folder, _no_report(NOT_RUN))
    return JobResult(job, code, seconds, folder, _report(report, log, code))


def _wait_for_another(folder: Path, crew: Crew) -> None:
    """Wait for the job of a night that was killed: it still closes its guest, and then ends."""
    until = time.monotonic() + CLEAN_UP_SECONDS
    while is_held(folder) and not crew.stopped and time.monotonic() < until:
        time.sleep(LOOK_SECONDS)


def _no_report(why: str) -> Mapping[str, Any]:
    return {"verdict": "error", "error": why, "steps": 0}


def _report(path: Path, log: Path, code: int) -> Mapping[str, Any]:
    """The JSON that the run wrote, or else the last lines of its log."""
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-12:]
        return _no_report("\n".join(last) or f"no output; exit code {code}")
    assert isinstance(report, dict), "a run writes one JSON object"
    return report
