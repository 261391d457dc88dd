"""The programs of the host that the harness runs, and the Debian package that brings each."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from harness.errors import PrerequisiteError

_PACKAGES = {
    "apt-config": "apt",
    "apt-get": "apt",
    "dpkg": "dpkg",
    "dpkg-deb": "dpkg",
    "lz4": "lz4",
    "make": "make",
    "xz": "xz-utils",
    "zstd": "zstd",
}


class ProgramMissingError(PrerequisiteError):
    """A program of the host is not installed."""

    def __init__(self, name: str, package: str = "") -> None:
        package = package or _PACKAGES.get(name, name)
        super().__init__(
            f"the program {name} was not found in PATH",
            hint=f"apt-get install {package} (ci/setup installs all that is needed)",
        )
        self.name = name
        self.package = package


def find_program(name: str, package: str = "") -> Path:
    """The path of the program ``name``; raises :class:`ProgramMissingError`.

    The error names ``package`` as what to install, else the package in the table above.
    """
    path = shutil.which(name)
    if path is None:
        raise ProgramMissingError(name, package)
    return Path(path)


def found_programs(names: Iterable[str]) -> tuple[str, ...]:
    """The paths of all programs of these names in PATH; each file once, whatever its names."""
    found: dict[Path, str] = {}
    for name in names:
        for folder in os.get_exec_path():
            if path := shutil.which(name, path=folder):
                found.setdefault(Path(path).resolve(), path)
    return tuple(found.values())
