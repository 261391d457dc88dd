"""The program git, called with nothing of the caller's repository in its environment."""

import os
import subprocess
from pathlib import Path

from harness.base.host_programs import find_program
from harness.errors import InfrastructureError

_LEAKS = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_PREFIX",
    "GIT_NAMESPACE",
)
"""What hooks, ``git bisect run`` and ``git rebase --exec`` set; here it would name the wrong repository."""

_SETTINGS = (
    "core.autocrlf=false",
    "core.safecrlf=false",
    "advice.detachedHead=false",
    "gc.auto=0",
)


class GitError(InfrastructureError):
    """git refused where it had no reason to."""

    def __init__(self, words: tuple[str, ...], folder: Path, output: str) -> None:
        super().__init__(
            f"git {' '.join(words)} failed in {folder}: {output.strip() or 'without a word'}",
            hint="run it there by hand",
        )
        self.output = output


def attempt(folder: Path, *words: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run git in *folder*, with *text* on its standard input; its status is the caller's to judge.

    Discovery of a repository stops at *folder*: a cache inside of somebody's repository is not part of it.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _LEAKS}
    environment |= {
        "LC_ALL": "C.UTF-8",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_TERMINAL_PROMPT": "0",
    }
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    command: list[str | Path] = [find_program("git"), *settings, *words]
    return subprocess.run(
        command, cwd=folder, env=environment, input=text, capture_output=True, check=False
    )


def git(folder: Path, *words: str, text: bytes = b"") -> bytes:
    """What git says on its standard output.  Raises GitError."""
    done = attempt(folder, *words, text=text)
    if done.returncode:
        raise GitError(words, folder, (done.stderr + done.stdout).decode(errors="replace"))
    return done.stdout


def line(folder: Path, *words: str) -> str:
    """The one line that git says.  Raises GitError."""
    return git(folder, *words).decode(errors="replace").strip()
