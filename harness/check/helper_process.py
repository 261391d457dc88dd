"""The process that drives the second guest of a check."""

import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from harness.base.parent_death import die_with_parent


@contextmanager
def helper_process() -> Iterator[Executor]:
    """A process that serves one check while the block runs.

    It is forked at once, which takes a hundredth of the time that a new interpreter takes.
    Enter the block before the caller has threads, locks or children, which a fork would copy.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("fork"), initializer=_begin) as pool:
        pool.submit(_nothing).result()
        yield pool


def _begin() -> None:
    """Make this process end with its parent, and without a traceback when it is interrupted."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _nothing() -> None:
    """A first task: the pool starts its process when it gets one."""
