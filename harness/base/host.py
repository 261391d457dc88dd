"""Programs of the host: run in English, and what they say of the host."""

import os
import subprocess
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from harness.base.child import Wait, run_child
from harness.base.host_programs import find_program


def run(
    command: Sequence[str | Path],
    wait: Wait | None = None,
    watch: Callable[[], None] = lambda: None,
    **environment: str,
) -> subprocess.CompletedProcess[str]:
    """Run a program with messages in English, and capture its output.

    The exit status is not checked: that is left to the caller.  *wait* has the deadline; *watch*
    is called every now and then, and what it raises ends the program.
    """
    env = {**os.environ, "LC_ALL": "C.UTF-8", **environment}
    wait = wait or Wait(Path(command[0]).name)
    done = run_child(command, wait, env=env, watch=watch)
    out, err = (one.decode("utf-8", "replace") for one in (done.stdout, done.stderr))
    return subprocess.CompletedProcess(done.args, done.returncode, out, err)


@cache
def host_architecture() -> str:
    """The architecture that this host runs, in the words of dpkg, as ``amd64``."""
    return run([find_program("dpkg"), "--print-architecture"]).stdout.strip()
