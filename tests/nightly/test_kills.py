"""Whoever is killed at whatever moment: no verdict is lost, changed or found twice."""

import subprocess
import sys

import pytest

from tests.package.conftest import ROOT

BROKEN = """
import sys
from pathlib import Path
from harness.store import store
from tests.nightly import kill_rounds
{breaking}
sys.exit(kill_rounds.main(Path(sys.argv[1]), 60, 7))
"""
FINDINGS_APART = """
whole = store.Store.add
def add(self, run):
    from dataclasses import replace
    from time import sleep
    whole(self, replace(run, findings=()))
    sleep(0.002)
    with self._writing() as database:
        (number,), = self._rows("SELECT id FROM run WHERE key = ?", run.key)
        store._add_findings(database, number, run.findings)
store.Store.add = add
"""
NOTHING_REMEMBERED = "store.Store.keys = lambda self: frozenset()"


def rounds(tmp_path, *words):
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_kills_lose_and_double_no_verdict(tmp_path):
    """``ci/nightly`` does the same a thousand times."""
    done = rounds(tmp_path, "-m", "tests.nightly.kill_rounds", tmp_path / "rounds", "60", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no verdict lost or doubled" in done.stdout


@pytest.mark.parametrize(
    ("breaking", "said"),
    [(FINDINGS_APART, "AssertionError"), (NOTHING_REMEMBERED, "done again though finished")],
)
def test_a_store_with_a_hole_is_noticed(tmp_path, breaking, said):
    done = rounds(tmp_path, "-c", BROKEN.format(breaking=breaking), tmp_path / "rounds")
    assert done.returncode == 1
    assert said in done.stderr, done.stderr
