"""Processes that work for this one, and never outlive it."""

import os
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context

from harness.base.parent_death import die_with_parent
from harness.base.signals import ending_later, leave_to_parent

START_SECONDS = 60.0


@contextmanager
def worker_processes(count: int) -> Iterator[Executor]:
    """*count* forked processes that serve while the block runs, and are killed if it fails.

    A fork takes a hundredth of the time that a new interpreter takes.  Enter the block before the
    caller has threads, locks or children, which a fork would copy.
    """
    others = set(active_children())
    pool = ProcessPoolExecutor(count, get_context("fork"), _begin, (os.getpid(),))
    try:
        with ending_later():
            pool.submit(_nothing).result(START_SECONDS)
        yield pool
    except BaseException:
        for worker in set(active_children()) - others:
            worker.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(parent: int) -> None:
    """Make this process end with its parent, and without a traceback when it is interrupted."""
    die_with_parent(parent)
    leave_to_parent()


def _nothing() -> None:
    """A first task: the pool starts its processes when it gets one."""
