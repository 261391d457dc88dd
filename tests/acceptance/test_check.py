"""Patches to a real tree: a changed scan order, a lost flush, and one that does not compile."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.base import project

pytestmark = pytest.mark.guest

PATCHES = Path(__file__).parent.parent / "check" / "patches"


@pytest.fixture
def check(tree61, tmp_path):
    def run(patch, *scenarios, more=()):
        words = [
            word
            for name in scenarios
            for word in ("--scenario", str(project.SCENARIOS / f"{name}.kmap"))
        ]
        command = [sys.executable, "-m", "harness", "check", "--kernel", tree61.name, *words]
        files = [
            "--patch",
            str(PATCHES / f"{patch}.patch"),
            "--out",
            str(tmp_path),
            "--json",
            str(tmp_path / "j"),
            *more,
        ]
        done = subprocess.run(
            [*command, *files], capture_output=True, text=True, check=False, env=dict(os.environ)
        )
        return done, json.loads((tmp_path / "j").read_text())

    return run


def test_another_order_without_a_cursor_is_another_behaviour(check):
    """The kernel has no cursor at all, and each kmap takes another slot than the model's."""
    done, value = check("harmless-first-fit", "pkmap-data", "pkmap-wait")
    assert (done.returncode, value["verdict"]) == (0, "behaviour changed"), done.stdout
    assert value["configs"][0]["lost_evidence"] == ["CURSOR"], done.stdout


def test_a_lost_flush_is_newly_failing(check):
    done, value = check("bad-no-flush", "pkmap-data", "pkmap-wait")
    assert (done.returncode, value["verdict"]) == (1, "newly failing"), done.stdout
    assert "breaks reuse-unflushed" in done.stdout
    assert value["configs"][0]["module_was_kept"], done.stdout


def test_what_does_not_compile_is_told_with_the_compilers_first_error(check):
    done, value = check("does-not-compile", "pkmap-data", "pkmap-wait")
    assert (done.returncode, value["verdict"]) == (2, "cannot judge"), done.stdout
    assert "need_flush" in done.stdout
    assert "mm/highmem.c:220" in done.stdout


def test_a_machine_shows_what_another_does_not(check):
    """All highmem of the usual machine lies above 4 GiB, and none of the other's."""
    machines = ("--machines", "usual,memory=256")
    done, value = check("bad-pfn-truncated", "pkmap-data", "pkmap-empty-flush", more=machines)
    assert (done.returncode, value["verdict"]) == (1, "newly failing"), done.stdout
    cells = {one["machine_words"]: one["change"] for one in value["configs"]}
    assert cells == {"": "newly failing", "memory=256": "unchanged"}, done.stdout
    assert "--machines usual" in " ".join(done.stdout.split())
