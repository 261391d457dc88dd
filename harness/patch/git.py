"""Calls git without the variables that name the caller's repository."""

import os
import subprocess
from pathlib import Path

from harness.base.child import Wait, run_child
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
"""Variables that hooks, ``git bisect run`` and ``git rebase --exec`` set.

Here they would name the wrong repository.
"""

_SETTINGS = (
    "core.autocrlf=false",
    "core.safecrlf=false",
    "advice.detachedHead=false",
    "gc.auto=0",
)


class GitError(InfrastructureError):
    """git failed for a reason that is not the user's."""

    def __init__(self, words: tuple[str, ...], folder: Path, output: str) -> None:
        super().__init__(
            f"git {' '.join(words)} failed in {folder}: {output.strip() or 'no message'}",
            hint="run it there by hand",
        )
        self.output = output


def attempt(folder: Path, *words: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run git in *folder* with *text* on its standard input; the caller looks at its status.

    Git does not search above *folder*: a cache inside of some repository is not part of it.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _LEAKS}
    environment |= {
        "LC_ALL": "C.UTF-8",
        "GIT_CEILING_DIRECTORIES": str(folder.parent),
        "GIT_TERMINAL_PROMPT": "0",
    }
    settings = [word for setting in _SETTINGS for word in ("-c", setting)]
    command: list[str | Path] = [find_program("git"), *settings, *words]
    return run_child(command, Wait(f"git {words[0]}"), text=text, cwd=folder, env=environment)


def git(folder: Path, *words: str, text: bytes = b"") -> bytes:
    """Run git and return its standard output.  Raises GitError."""
    done = attempt(folder, *words, text=text)
    if done.returncode:
        raise GitError(words, folder, (done.stderr + done.stdout).decode(errors="replace"))
    return done.stdout


def line(folder: Path, *words: str) -> str:
    """Run git and return the line that it prints.  Raises GitError."""
    return git(folder, *words).decode(errors="replace").strip()
