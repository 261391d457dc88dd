"""What the store holds: nights, their runs with provenance, and what each run found."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

JUDGED: Final = frozenset({"agree", "diverge", "unmet"})
"""Verdicts on the kernel; the others say that there is none."""


@dataclass(frozen=True, slots=True)
class StoredNight:
    """One night: its name, when it began and ended (UTC, ISO 8601), and its command line.

    ``ended`` is empty while the night goes on, and where something has ended it too early.
    """

    name: str
    began: str
    ended: str = ""
    command: str = ""


@dataclass(frozen=True, slots=True)
class PlannedJob:
    """A job of a night; ``left_out`` says why it has not run, if that is known."""

    key: str
    job: str
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a run was made from.  The fields are columns of the table ``run``."""

    kernel: str = ""
    release: str = ""
    build: str = ""
    config: str = ""
    compiler: str = ""
    machine: str = ""
    qemu: str = ""
    qemu_command: str = ""
    module: str = ""
    harness: str = ""
    host: str = ""


@dataclass(frozen=True, slots=True)
class RunFinding:
    """One thing that is wrong in a run.

    ``program`` is empty for what belongs to no program.  ``kind`` is ``contract``, ``behaviour``,
    ``expectation``, ``message``, ``crash`` or ``error``; an ``error`` says nothing about the
    kernel.  ``fingerprint`` is the same for the same text with other numbers.
    """

    program: str
    kind: str
    step: int
    text: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class StoredRun:
    """One finished job.

    ``key`` names the job and the night, ``inputs`` all that the verdict depends on: runs with
    equal inputs are repetitions.  ``reproduce`` is the command line that runs it again.
    ``report`` is what the job wrote; queries leave it out.
    """

    key: str
    night: str
    job: str
    suite: str
    inputs: str
    verdict: str
    exit_code: int
    steps: int
    seconds: float
    ended: str
    seed: int = 0
    folder: str = ""
    reproduce: str = ""
    provenance: Provenance = Provenance()
    findings: tuple[RunFinding, ...] = ()
    report: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def judged(self) -> bool:
        """Tell whether the run has a verdict on the kernel."""
        return self.verdict in JUDGED

    @property
    def failing(self) -> frozenset[str]:
        """The programs with findings on the kernel; "" stands for the run as a whole."""
        found = frozenset(one.program for one in self.findings if one.kind != "error")
        return found or frozenset([""] if self.judged and self.verdict != "agree" else [])
