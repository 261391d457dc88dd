"""The places of the project's own files: the module, the agent, the scenarios, the mutants.

In a clone (and in an unpacked sdist) they are the top-level folders.  A wheel carries the same
folders inside the package, in ``harness/_data``.  Nothing writes to them: builds work on copies
in the cache folder, so the package may belong to another user.
"""

import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from harness import __version__

NAME = "kmap-harness"
PACKAGE = Path(str(files("harness"))).resolve()
"""The folder of the Python sources."""


def data_folder() -> Path:
    """The folder that holds ``kmod/``, ``images/`` and ``tests/``: the package's own, or the
    clone.
    """
    installed = PACKAGE / "_data"
    return installed if installed.is_dir() else PACKAGE.parent


ROOT = data_folder()
MODULE_SOURCES = ROOT / "kmod"
AGENT_SOURCES = ROOT / "images" / "agent"
SSH_RECIPE = ROOT / "images" / "ssh"
GIT_SECONDS = 20.0
SCENARIOS = ROOT / "tests" / "scenarios"
MUTANTS = ROOT / "tests" / "mutants"
KERNEL_CATALOGUE = ROOT / "images" / "kernels.toml"
KERNEL_FRAGMENTS = ROOT / "images" / "config"


def own_command() -> tuple[str, ...]:
    """The start of a command line that runs this program in a process of its own.

    ``-P`` keeps the working directory out of the module path: it may have a folder ``harness``.
    """
    return (sys.executable, "-P", "-m", "harness")


def version_text() -> str:
    """The version, and the commit where it is known: ``0.1.0 (commit 0123456789ab)``."""
    commit = _commit()
    return f"{__version__} (commit {commit})" if commit else __version__


def _commit() -> str | None:
    """The commit that the build stamped (``hatch_build.py``), else the one that git names."""
    stamp = ROOT / "COMMIT"
    if stamp.is_file():
        return stamp.read_text(encoding="ascii").strip()
    if not (ROOT / ".git").exists():
        return None
    words = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude", "*"]
    try:
        done = subprocess.run(
            ["git", "-C", str(ROOT), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=GIT_SECONDS,
        )
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
