"""The programs that make a kernel, and the variables by which make is told of them."""

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.architecture.architecture import Architecture
from harness.architecture.i386 import I386
from harness.base.host_programs import find_program
from harness.kernel.cross_compiler import find_tool

_NEEDED = ("make", "gcc", "flex", "bison", "bc")
_FORGOTTEN = (
    "MAKEFLAGS",
    "MFLAGS",
    "KBUILD_OUTPUT",
    "KCFLAGS",
    "KAFLAGS",
    "KCPPFLAGS",
    "W",
    "V",
    "C",
    "O",
)
"""Variables of the caller's own make run or shell that must not reach this one."""


@dataclass(frozen=True, slots=True)
class Toolchain:
    """A cross compiler, with ccache before it where that is installed."""

    cross_compile: str = I386.compiler.prefix
    ccache: bool = False
    architecture: Architecture = I386

    @classmethod
    def of_host(cls, architecture: Architecture = I386) -> "Toolchain":
        """Return the host's; raises :class:`ProgramMissingError` for a program that is missing."""
        find_tool(architecture.compiler, "gcc")
        for name in _NEEDED:
            find_program(name)
        ccache = shutil.which("ccache") is not None
        return cls(architecture.compiler.prefix, ccache, architecture)

    def variables(self) -> tuple[str, ...]:
        """Return the words for every call of make in one object folder: another CC would rebuild
        all.

        Release and banner do not depend on git, time, user or host, so that equal sources give
        equal images.
        """
        before = "ccache " if self.ccache else ""
        return (
            *(
                f"ARCH={self.architecture.compiler.make_architecture}",
                f"CROSS_COMPILE={self.cross_compile}",
            ),
            *(f"CC={before}{self.cross_compile}gcc", f"HOSTCC={before}gcc"),
            *("LOCALVERSION=", "KBUILD_BUILD_TIMESTAMP=1970-01-01 00:00:00 UTC"),
            *(
                "KBUILD_BUILD_USER=kmap-harness",
                "KBUILD_BUILD_HOST=kmap-harness",
                "KBUILD_BUILD_VERSION=1",
            ),
        )

    def environment(self, source: Path) -> Mapping[str, str]:
        """The environment of make; ccache finds the same source at another place, too."""
        env = {name: value for name, value in os.environ.items() if name not in _FORGOTTEN}
        return {
            "CCACHE_BASEDIR": str(source.parent),
            "CCACHE_NOHASHDIR": "1",
            **env,
            "LC_ALL": "C.UTF-8",
        }
