"""The command on a real guest: the least there is, and once more beside its own baseline."""

import json
import subprocess
import sys

import pytest

from harness.base.progress import Quiet
from harness.bench.scale import Load, scaling
from harness.bench.subject import Subject
from harness.bench.suite import Effort
from harness.guest.shape import Shape
from harness.run.prepare import prepare


def bench(*arguments):
    command = [sys.executable, "-m", "harness", "bench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.guest
def test_figures_and_the_same_beside_them(tmp_path):
    least = ("--rounds", 1, "--part", "restores")
    first = bench(*least, "--json", tmp_path / "a.json")
    assert first.returncode == 0, first.stderr
    found = {one["name"]: one for one in json.loads((tmp_path / "a.json").read_text())["figures"]}
    assert "restore to first judged step" in found
    assert all(one["median"] > 0 and one["calibration"] > 0 for one in found.values())
    again = bench(*least, "--baseline", tmp_path / "a.json")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count(" %") == 2 * len(found)


@pytest.mark.guest
def test_two_guests_at_once():
    subject = Subject(prepare("debian-6.1-686-pae", None, Quiet()), Shape(smp=1))
    found = scaling(Load(subject, steps=200, seconds=0.1), 2)
    assert set(found) == {("judged steps, 2 guests", "1/s"), ("memory of each of 2, Pss", "MiB")}
    assert all(value > 0 for value in found.values())


def test_a_part_that_is_none():
    done = bench("--part", "everything")
    assert done.returncode == 2
    assert "parts are: boots" in done.stderr


def test_only_what_is_asked_for():
    quick = ("boots", "restores", "steps", "schedules")
    assert Effort.full().only(["boots"], None).samples == {"boots": 7}
    assert Effort.quick().only([], 1).samples == dict.fromkeys(quick, 1)
