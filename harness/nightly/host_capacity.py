"""What the host has for jobs, and which of them fit into it at once."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from harness.nightly.night_job import Job

HARNESS_MIB = 400
"""Memory that a run needs beside its guest's: for Python, traces and QEMU.

Measured: 250 to 330.
"""
_UNLIMITED = 1_000_000


@dataclass(frozen=True, slots=True)
class Capacity:
    """What the host has for jobs: cores, and MiB of memory; ``jobs`` is the most at once."""

    cores: int
    memory_mib: int
    jobs: int = _UNLIMITED

    @classmethod
    def of_host(cls, jobs: int = 0) -> "Capacity":
        """All usable cores, and nine tenths of the memory that is available now."""
        cores = len(os.sched_getaffinity(0))
        return cls(cores, available_mib() * 9 // 10, jobs or _UNLIMITED)

    def fits(self, job: Job, running: Collection[Job]) -> bool:
        """Tell whether *job* may start beside *running*; one too large for the host runs alone."""
        if not running:
            return True
        together = (*running, job)
        memory = sum(one.memory_mib + HARNESS_MIB for one in together)
        return (
            len(together) <= self.jobs
            and sum(one.cores for one in together) <= max(self.cores, 2)
            and memory <= self.memory_mib
        )


def available_mib() -> int:
    """MemAvailable of the host, MiB (``/proc/meminfo``)."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    return 1024
