"""Children that do not outlive their parent: ``PR_SET_PDEATHSIG`` of prctl(2)."""

import ctypes
import os
import signal
from collections.abc import Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
"""include/uapi/linux/prctl.h."""


def dying_with_parent(
    command: Sequence[str | Path], ending: signal.Signals = signal.SIGKILL
) -> tuple[str | Path, ...]:
    """*command*, which the kernel sends *ending* when the thread that starts it ends.

    The thread counts, not the process (prctl(2)): keep it alive as long as the child is needed.
    """
    return ("setpriv", "--pdeathsig", ending.name.removeprefix("SIG"), "--", *command)


def die_with_parent(parent: int) -> None:
    """Make the calling process die with the thread of process *parent* that forked it."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
