"""Programs of the host: run in English, and what they say of the host."""

import os
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from harness.base.host_programs import find_program


def run(command: Sequence[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program with messages in English, and capture its output.

    The exit status is not checked: that is left to the caller.
    """
    env = {**os.environ, "LC_ALL": "C.UTF-8", **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False)


@cache
def host_architecture() -> str:
    """The architecture that this host runs, in the words of dpkg, as ``amd64``."""
    return run([find_program("dpkg"), "--print-architecture"]).stdout.strip()
