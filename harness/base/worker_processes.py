"""Processes that work for this one, and never outlive it."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import active_children, get_context

from harness.base.parent_death import die_with_parent
from harness.base.signals import ENDING, leave_to_parent

START_SECONDS = 60.0


@contextmanager
def worker_processes(count: int) -> Iterator[Executor]:
    """*count* forked processes that serve while the block runs, and are killed if it fails.

    A fork takes a hundredth of the time that a new interpreter takes.  Enter the block before the
    caller has threads, locks or children, which a fork would copy.
    """
    others = set(active_children())
    signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        pool = ProcessPoolExecutor(count, get_context("fork"), _begin, (os.getpid(),))
        pool.submit(_nothing).result(START_SECONDS)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    try:
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
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)


def _nothing() -> None:
    """A first task: the pool starts its processes when it gets one."""
