"""The cross compiler that kernels, modules and the agent are built with."""

from functools import cache
from pathlib import Path

from harness.architecture.architecture import CrossCompiler
from harness.base.host import run
from harness.base.host_programs import find_program


def find_tool(compiler: CrossCompiler, name: str) -> Path:
    """Return the path of a program of the compiler, as ``gcc``.

    Raises ProgramMissingError, which names the Debian package to install.
    """
    return find_program(f"{compiler.prefix}{name}", package=compiler.package)


@cache
def compiler_version(compiler: CrossCompiler) -> str:
    """Return the first line of ``gcc --version``: a part of the key of everything built."""
    gcc = find_tool(compiler, "gcc")
    said = run([gcc, "--version"])
    return said.stdout.splitlines()[0]
