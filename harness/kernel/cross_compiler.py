"""The cross compiler that kernels, modules and the agent are built with."""

import subprocess
from functools import cache

from harness.base.host_programs import find_program

CROSS_COMPILE = "i686-linux-gnu-"


@cache
def compiler_version() -> str:
    """First line of what the cross compiler says of itself: part of the key of everything built."""
    gcc = find_program(f"{CROSS_COMPILE}gcc")
    said = subprocess.run([gcc, "--version"], capture_output=True, text=True, check=True)
    return said.stdout.splitlines()[0]
