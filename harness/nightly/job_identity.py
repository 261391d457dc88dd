"""The keys of jobs, and where their results come from.

A job is a function of its kernel, module, scenarios, machine, seed and harness.  ``inputs`` is the
hash of these, so that runs with equal inputs are repetitions; the key adds the night.
"""

import platform
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.architecture.i386 import I386
from harness.base import project
from harness.base.fingerprint import digest_of, harness_fingerprint, key_of
from harness.base.host import run
from harness.nightly.night_job import Job, JobResult
from harness.store.report_findings import report_findings
from harness.store.store_records import Provenance, StoredRun

_SHORT = 12


@dataclass(frozen=True, slots=True)
class NightOrigin:
    """What all jobs of a night are made from: digests of our sources, and the host's programs."""

    night: str
    module: str
    scenarios: str
    harness: str
    version: str = ""
    qemu: str = ""
    host: str = ""

    @classmethod
    def of_host(cls, night: str) -> "NightOrigin":
        """What is there now."""
        return cls(
            night,
            digest_of(path for path in project.MODULE_SOURCES.rglob("*.[ch]")),
            digest_of(path for path in project.SCENARIOS.rglob("*.kmap")),
            harness_fingerprint(),
            project.version_text(),
            _first_line(run([I386.emulated.program, "--version"]).stdout),
            f"{platform.node()}, {platform.machine()}, Linux {platform.release()}",
        )

    @property
    def sources(self) -> tuple[str, str, str]:
        """The digests of the module, the scenarios and the harness."""
        return self.module, self.scenarios, self.harness

    def key(self, job: Job) -> str:
        """The key of *job* in this night; it says nothing that only a run can find out."""
        return key_of((self.night, *self._parts(job)))

    def inputs(self, job: Job, kernel: Mapping[str, Any]) -> str:
        """The key of all that the verdict of *job* depends on, with what the run says of it."""
        said = (str(kernel.get(name, "")) for name in ("release", "build", "config_hash"))
        return key_of((*self._parts(job), *said))

    def _parts(self, job: Job) -> tuple[str, ...]:
        return (job.command, *job.arguments, *self.sources, *_files(job))


def _files(job: Job) -> tuple[str, ...]:
    """Digests of the files that the words of *job* name: images, lists of known bugs."""
    paths = (Path(word) for word in job.arguments if not word.startswith("-"))
    return tuple(digest_of([path]) for path in paths if path.is_file())


def _first_line(text: str) -> str:
    return next(iter(text.splitlines()), "")


def stored_run(result: JobResult, origin: NightOrigin, ended: str) -> StoredRun:
    """A finished job as the store keeps it; *ended* is the time."""
    job, report = result.job, result.report
    return StoredRun(
        key=origin.key(job),
        night=origin.night,
        job=job.name,
        suite=job.suite,
        inputs=origin.inputs(job, report.get("kernel") or {}),
        verdict=result.verdict,
        exit_code=result.exit_code,
        steps=int(report.get("steps", 0)),
        seconds=round(result.seconds, 3),
        ended=ended,
        seed=job.seed,
        folder=str(result.folder),
        reproduce=reproducing(job),
        provenance=_provenance(job, report, origin),
        findings=report_findings(report),
        report=report,
    )


def reproducing(job: Job) -> str:
    """The command line that runs *job* again."""
    return shlex.join((project.NAME, job.command, *job.arguments))


def _provenance(job: Job, report: Mapping[str, Any], origin: NightOrigin) -> Provenance:
    kernel = report.get("kernel")
    facts = kernel if isinstance(kernel, dict) else {}
    return Provenance(
        kernel=job.kernel,
        release=str(facts.get("release") or report.get("release", "")),
        build=str(facts.get("build", "")),
        config=str(facts.get("config_hash", "")),
        compiler=str(facts.get("compiler", "")),
        machine=str(report.get("machine", "")),
        qemu=origin.qemu,
        qemu_command=str(report.get("command", "")),
        module=origin.module[:_SHORT],
        harness=f"{origin.version}, {origin.harness[:_SHORT]}",
        host=origin.host,
    )
