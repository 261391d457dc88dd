"""The command line as a process: what a user types, and what comes back."""

import os
import subprocess
import sys
from typing import NamedTuple

import pytest


class Answer(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def harness(tmp_path):
    """Runs ``python -m harness ARGS`` in an empty folder; keywords are environment variables."""
    place = tmp_path / "place"
    place.mkdir()

    def run(*arguments, **environment):
        done = subprocess.run(
            [sys.executable, "-m", "harness", *map(str, arguments)],
            cwd=place,
            env=os.environ | {name: str(value) for name, value in environment.items()},
            capture_output=True,
            text=True,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    run.place = place
    return run


@pytest.fixture
def regular_file(tmp_path):
    """A file where a folder is wanted: refuses everybody, also root."""
    path = tmp_path / "regular"
    path.touch()
    return path
