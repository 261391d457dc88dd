"""The process that drives a second guest."""

import signal
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context

from harness.base.parent_death import die_with_parent


@contextmanager
def helper_process() -> Iterator[Executor]:
    """A helper for one check.

    It is forked, and at once, which takes a hundredth of what another interpreter would: call this before
    there are threads, locks or children that it must not inherit.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("fork"), initializer=_begin) as pool:
        pool.submit(_nothing).result()
        yield pool


def _begin() -> None:
    """End with the process that asked for us, and without a word where somebody interrupts it."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _nothing() -> None:
    """The first task: processes are made when there is one."""
