"""QEMU ended from outside: nothing is known about the kernel, whatever QEMU's exit status is."""

import os
import signal

import pytest

from .command import value_of

pytestmark = pytest.mark.guest

OUTSIDE = ("SIGTERM", "SIGHUP", "SIGINT")
"""QEMU catches these, and exits with status 0, as when its guest resets."""
KILLED = ("SIGKILL", "SIGABRT", "SIGSEGV")
WAYS = [
    pytest.param("--template", id="restored"),
    pytest.param("--no-template", id="booted", marks=pytest.mark.long),
]


def run_words(way):
    steps = ("--smp", "1", "--steps", "60000", "--trace", "run.trace", "--json", "run.json")
    return ("run", *steps, way, "--out", "out")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", [*OUTSIDE, *KILLED])
def test_a_signal_to_qemu_while_it_is_judged(command, tmp_path, name, way):
    run = command(*run_words(way))
    os.kill(run.judging(tmp_path / "run.trace"), signal.Signals[name])
    ended = run.ended()
    assert ended.code == 3, ended
    assert "verdict     ERROR: no verdict on the kernel" in ended.out
    said = "QEMU was ended from outside" if name in OUTSIDE else f"QEMU ended with signal {name}"
    assert said in ended.out
    value = value_of(tmp_path / "run.json")
    assert (value["verdict"], value["crash"], value["divergences"]) == ("error", "", [])


@pytest.mark.long
@pytest.mark.parametrize("name", [*OUTSIDE, *KILLED])
def test_a_signal_to_qemu_while_it_boots(command, tmp_path, name):
    run = command(*run_words("--no-template"))
    os.kill(run.child("qemu-system"), signal.Signals[name])
    ended = run.ended()
    assert ended.code == 3, ended
    assert "ERROR: no verdict on the kernel" in ended.out
    assert "crash " not in ended.out
