"""A deterministic run, whole: programs of all kinds, twice, to the same trace byte for byte."""

import gzip

import pytest

from harness.base.progress import Quiet
from harness.base.stopwatch import Stopwatch
from harness.guest.failure import GuestCrashedError
from harness.guest.shape import Shape
from harness.run.main_job import judge
from harness.run.programs import read_plan
from harness.run.run_request import RunRequest

from .bench import SCENARIOS

pytestmark = pytest.mark.guest

NAMES = ("pkmap-full-turn", "local-nesting", "local-to-page")


def run(stock, out, name):
    """The result and the trace of a deterministic run."""
    trace = out / f"{name}.trace"
    plan = read_plan([SCENARIOS / f"{one}.kmap" for one in NAMES], seed=3, steps=500)
    shape = Shape(smp=1, icount=True)
    request = RunRequest(stock.kernel.name, None, shape, plan, out, trace, deterministic=True)
    result = judge(stock, request, Quiet(), Stopwatch())
    return result, gzip.decompress(trace.read_bytes())


def test_two_runs_with_one_seed_have_one_trace(stock, tmp_path):
    first, second = (run(stock, tmp_path, name) for name in "ab")
    assert first[0].exit_code == 0, first[0]
    assert (first[0].steps, first[1]) == (second[0].steps, second[1])
    assert len(first[0].results) == 1 + len(NAMES) + 2


def test_what_crashes_is_told_by_the_guest_it_was_recorded_in(stock, tmp_path, monkeypatch):
    """There is no second boot after a failure."""
    plan = read_plan([SCENARIOS / "pkmap-full-turn.kmap"], seed=3, steps=0)
    request = RunRequest(
        stock.kernel.name, None, Shape(smp=1, icount=True), plan, tmp_path, deterministic=True
    )
    monkeypatch.setattr("harness.guest.running_guest.Guest.tasks", fail)
    result = judge(stock, request, Quiet(), Stopwatch())
    assert "ended" in result.crash
    assert any("not a deterministic one" in note for note in result.notes)


def fail(guest, cpus):
    raise GuestCrashedError("the guest ended")
