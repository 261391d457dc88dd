# SPDX-License-Identifier: GPL-2.0-only
"""Build hook: a wheel and an sdist carry the commit that they were made from.

The file ``COMMIT`` lies at the top of an sdist and beside the data of an installed package.
``harness --version`` reads it; a clone has git and needs no such file.
"""

import subprocess
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

STAMP = "COMMIT"
DATA = "harness/_data"


class CustomBuildHook(BuildHookInterface):
    """Hatchling calls this once for each sdist and each wheel."""

    _folder: tempfile.TemporaryDirectory[str] | None = None

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Add the stamp to the files of the build; an editable install reads git itself."""
        if version == "editable":
            return
        top = Path(self.root)
        source = top / STAMP
        if not source.is_file():
            commit = _commit(top)
            if commit is None:
                return
            self._folder = tempfile.TemporaryDirectory()
            source = Path(self._folder.name) / STAMP
            source.write_text(f"{commit}\n", encoding="ascii")
        target = STAMP if self.target_name == "sdist" else f"{DATA}/{STAMP}"
        build_data["force_include"][str(source)] = target

    def finalize(self, version: str, build_data: dict[str, Any], artifact: str) -> None:
        """Remove the temporary folder of the stamp."""
        del version, build_data, artifact
        if self._folder is not None:
            self._folder.cleanup()


def _commit(top: Path) -> str | None:
    """The commit of the clone *top*, or None where git does not know it."""
    if not (top / ".git").exists():
        return None
    command = ["git", "-C", str(top), "describe", "--always", "--dirty", "--abbrev=12"]
    try:
        done = subprocess.run(
            [*command, "--exclude", "*"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return done.stdout.strip() if done.returncode == 0 else None
