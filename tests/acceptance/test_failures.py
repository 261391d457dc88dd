"""A damaged wire and a killed guest: repaired and counted, or an error; never a divergence."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.compare.divergence import Verdict
from harness.guest import qemu_session as session_module
from harness.guest.running_guest import Guest
from tests.guest.tap import Tap

from .bench import KERNEL, judged, summary_of, written

pytestmark = pytest.mark.guest

PROGRAM = """title: enough for some damage
tasks: a@0
pages: high 600
for i in 0..599 { a: m0 = kmap h[i]; a: write m0 i; a: read m0 -> value i; a: kunmap h[i] }
"""
STEPS = 2400


@pytest.fixture
def tapped(monkeypatch):
    """Puts a tap on the wire of the next guest; gives the list of taps made."""
    taps = []
    real = session_module.Link

    def install(**faults):
        def link(wire, events, alive):
            taps.append(Tap(far=wire, **faults))
            return real(taps[-1].host, events, alive)

        monkeypatch.setattr(session_module, "Link", link)
        return taps

    return install


def places(kind, *offsets):
    return [(offset, kind) for offset in offsets]


@pytest.mark.parametrize("kind", ["flip", "drop", "double"])
def test_damage_in_both_directions_is_repaired_and_counted(stock, tmp_path, tapped, kind):
    taps = tapped(
        to_guest=places(kind, 3_000, 20_011), to_host=places(kind, 5_000, 90_007, 150_001)
    )
    result = judged(stock, tmp_path, written(tmp_path, PROGRAM))
    assert taps[0].injected >= 4
    assert (result.verdict, result.exit_code) == (Verdict.AGREE, 0), summary_of(result)
    assert result.steps >= STEPS
    assert re.search(r"wire +damage recovered: .*\d", summary_of(result))


def test_a_wire_that_cannot_be_repaired_is_an_error(stock, tmp_path, tapped, monkeypatch):
    """From the first batch on every tenth byte or so is wrong: nothing gets through.

    Was told as a kernel that hangs: the agent said nothing of a request without a head.
    """
    monkeypatch.setattr("harness.guest.patience.REQUEST_SECONDS", 8.0)
    taps = tapped()
    begin = Guest.tasks

    def ruin(guest, cpus):
        begin(guest, cpus)
        taps[0]._rate = 0.1

    monkeypatch.setattr(Guest, "tasks", ruin)
    result = judged(stock, tmp_path, written(tmp_path, PROGRAM))
    assert (result.verdict, result.exit_code) == (Verdict.ERROR, 3), summary_of(result)
    assert "wire" in result.error
    assert not result.divergences


def test_a_guest_killed_in_the_middle_is_an_error_with_what_was_judged(
    stock, tmp_path, monkeypatch
):
    collected = Guest.collect

    def collect_and_kill(guest):
        steps = collected(guest)  # of 512; two more batches may be on their way, and whole
        os.kill(guest.session.process.pid, signal.SIGKILL)
        return steps

    monkeypatch.setattr(Guest, "collect", collect_and_kill)
    result = judged(stock, tmp_path, written(tmp_path, PROGRAM))
    assert (result.verdict, result.exit_code) == (Verdict.ERROR, 3), summary_of(result)
    assert 500 < result.steps < STEPS
    assert "SIGKILL" in result.error
    assert not result.divergences
    assert "ERROR: no verdict on the kernel" in summary_of(result)


def test_the_command_line_says_it_too(tmp_path):
    """The command exits with 3 at once; QEMU is the child that names this run's folder."""
    command = [
        sys.executable,
        "-m",
        "harness",
        "run",
        "--kernel",
        KERNEL,
        "--smp",
        "1",
        "--out",
        str(tmp_path),
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        for line in run.stderr:
            if line.startswith("- running "):
                os.kill(_qemu_of(run.pid), signal.SIGKILL)
        out = run.stdout.read()
    assert run.returncode == 3, out
    assert "error       QEMU ended with signal SIGKILL" in out
    assert "verdict     ERROR" in out


def _qemu_of(parent):
    """Setpriv becomes QEMU by exec: the only child of that name of the run's main thread."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    names = {int(child): Path(f"/proc/{child}/comm").read_text() for child in children}
    return next(child for child, name in names.items() if name.startswith("qemu"))
