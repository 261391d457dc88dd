"""Stock kernels with a bug that only contexts show: signals, interrupts at an instant, switches, moves."""

from dataclasses import replace

import pytest

from harness.compare.divergence import Layer, Verdict

from .bench import judged, summary_of
from .patched import Bug, Edit, patched

pytestmark = pytest.mark.guest

IMPATIENT = ("kmh.params=patience_ms=1500",)

INTERRUPTIBLE = Bug(
    "a wait that signals end (P29)",
    (Edit("kmap_high", "c7 46 10 02 00 00 00", "c7 46 10 01 00 00 00"),),
)


def test_a_waiter_that_a_signal_wakes_is_told_from_one_that_is_slow(stock, tmp_path):
    """By the guest's own evidence: the task runs, with a signal pending, and is neither asleep nor at its end."""
    buggy = replace(stock, kernel=patched(stock.kernel, INTERRUPTIBLE, tmp_path))
    result = judged(buggy, tmp_path, "wait-signal", smp=2, extra=IMPATIENT)
    assert (result.verdict, result.exit_code) == (Verdict.DIVERGE, 1), summary_of(result)
    first = next(one for one in result.divergences if one.layer is Layer.CONTRACT)
    assert first.operation.code.name in ("SIGNAL", "KMAP")
    assert any("ended STUCK: task 1 is" in why and "a signal is pending" in why for why in first.reasons), (
        first.reasons
    )
