"""Shards: the jobs of one night over several machines that know nothing of each other."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from harness.errors import UsageError
from harness.nightly.night_job import Job

_SHARD = re.compile(r"(\d{1,4})/(\d{1,4})")


@dataclass(frozen=True, slots=True)
class Shard:
    """Part *number* (from 1) of *of* parts."""

    number: int = 1
    of: int = 1

    def __str__(self) -> str:
        """As ``--shard`` takes it."""
        return f"{self.number}/{self.of}"

    def share(self, jobs: Sequence[Job]) -> tuple[Job, ...]:
        """The jobs of this shard: every job is in just one, and each shard has as many.

        It depends on the names only, which are the same on every machine.
        """
        ordered = sorted(jobs, key=lambda job: job.name)
        mine = {job.name for job in ordered[self.number - 1 :: self.of]}
        return tuple(job for job in jobs if job.name in mine)


def parse_shard(text: str) -> Shard:
    """Read ``2/5``.  Raises UsageError."""
    found = _SHARD.fullmatch(text)
    if not found or not 1 <= int(found[1]) <= int(found[2]):
        raise UsageError(f"{text!r} is no shard", hint="write 2/5 for the second of five")
    return Shard(int(found[1]), int(found[2]))
