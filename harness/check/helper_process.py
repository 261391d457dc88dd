"""The process that drives the second guest of a check."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager

from harness.base.worker_processes import worker_processes


@contextmanager
def helper_process() -> Iterator[Executor]:
    """A process that serves one check while the block runs."""
    with worker_processes(1) as pool:
        yield pool
