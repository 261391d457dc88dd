"""Programs of the host as children: each has a deadline with a name, and leaves nothing behind.

A child leads a group of its own.  It gets SIGTERM when its parent dies; its group is ended when
the wait for it fails, so that apt's methods or a compiler do not go on alone.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Timer
from typing import IO, Any

from harness.base.parent_death import dying_with_parent
from harness.errors import InfrastructureError

CLEAN_UP_SECONDS = 5.0
LOOK_SECONDS = 0.2
ORDINARY_SECONDS = 1800.0
"""For a program that takes seconds, or minutes on a host with much other work."""


class LateError(InfrastructureError):
    """A program of the host did not end in time."""

    def __init__(self, wait: "Wait") -> None:
        super().__init__(
            f"{wait.name} did not end within {wait.seconds:.0f} s",
            hint="is the host overloaded, a disk full, or the network gone?",
        )


@dataclass(frozen=True, slots=True)
class Wait:
    """The reason for a wait, in words, and its most seconds."""

    name: str
    seconds: float = ORDINARY_SECONDS


@contextmanager
def child(
    command: Sequence[str | Path],
    wait: Wait,
    **how: Any,  # noqa: ANN401 (what Popen takes)
) -> Iterator["subprocess.Popen[Any]"]:
    """A child while the block runs; its group is ended if the block fails or takes too long.

    Raises LateError.
    """
    late = Event()
    with subprocess.Popen(
        dying_with_parent(command, signal.SIGTERM), start_new_session=True, **how
    ) as process:
        timer = Timer(wait.seconds, _end_late, (process, late))
        timer.daemon = True
        timer.start()
        try:
            yield process
            process.wait()  # the timer ends it
        except BaseException:
            _end_group(process)
            raise
        finally:
            timer.cancel()
    if late.is_set():
        raise LateError(wait)


def _end_late(process: "subprocess.Popen[Any]", late: Event) -> None:
    late.set()
    _end_group(process)


def run_child(
    command: Sequence[str | Path],
    wait: Wait,
    *,
    text: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    watch: Callable[[], None] = lambda: None,
) -> "subprocess.CompletedProcess[bytes]":
    """Run *command* to its end with *text* as its input, and capture what it says.

    *watch* is called every now and then; what it raises ends the child.  Raises LateError.
    """
    pipes: dict[str, int | IO[bytes]] = dict.fromkeys(
        ("stdin", "stdout", "stderr"), subprocess.PIPE
    )
    given: bytes | None = text
    with child(command, wait, cwd=cwd, env=env, **pipes) as process:
        while True:
            try:
                out, err = process.communicate(given, timeout=LOOK_SECONDS)
                break
            except subprocess.TimeoutExpired:
                given = None
                watch()
    return subprocess.CompletedProcess(list(command), process.returncode, out, err)


def _end_group(process: "subprocess.Popen[Any]") -> None:
    """Ask the whole group to end, and kill what does not."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(CLEAN_UP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
