"""One job of a night, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Job:
    """One run of a night: a command line, and what it needs of the host.

    ``command`` is ``run``, or another command that writes a JSON object.  The name is the same
    in every night: by it a job is compared with its past.
    """

    name: str
    arguments: tuple[str, ...]
    smp: int
    memory_mib: int
    command: str = "run"
    suite: str = "conformance"
    kernel: str = ""
    seed: int = 1

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

    @property
    def verdict(self) -> str:
        """The report's verdict; of a command whose report has none, what its exit code says."""
        by_code = {0: "agree", 1: "diverge"}.get(self.exit_code, "error")
        return str(self.report.get("verdict", by_code))

    @property
    def failed_to_run(self) -> bool:
        """Tell whether the harness or the host failed: the job may run again."""
        return self.exit_code not in (0, 1, 2)
