"""A concurrent history finds each concurrency bug in a stock kernel, by the broken rule."""

from dataclasses import replace
from typing import NamedTuple

import pytest

from harness.base.progress import Quiet
from harness.guest.shape import Shape
from harness.history.explanation import HistoryRule
from harness.history.history_runner import HistoriesRequest, run_histories
from harness.report.histories_report import histories_lines

from .history_bugs import LATE_QUEUE, NO_FLUSH, NO_RECHECK, NO_WAKE
from .patched import Bug, patched

pytestmark = pytest.mark.guest

ENOUGH = 400_000
"""Operations of a run; a history of ten thousand meets a race in 10 to 60 % of cases."""


class Case(NamedTuple):
    """A bug, the regime of histories that provokes it, and what is said of it."""

    bug: Bug
    regime: str
    rules: frozenset[HistoryRule]
    words: str


CASES = (
    Case(NO_WAKE, "rounds", frozenset({HistoryRule.LOST_WAKEUP}), "nobody is left to wake them"),
    Case(
        LATE_QUEUE, "rounds", frozenset({HistoryRule.LOST_WAKEUP}), "nobody is left to wake them"
    ),
    Case(
        NO_RECHECK,
        "waits",
        frozenset({HistoryRule.TWO_SLOTS, HistoryRule.TWO_PAGES, HistoryRule.DIED}),
        "slot",
    ),
    Case(NO_FLUSH, "wraps", frozenset({HistoryRule.DATA, HistoryRule.OWN_DATA}), "of page"),
)


def judged(prepared, folder, regime, operations=ENOUGH):
    shape = Shape(smp=2)
    request = HistoriesRequest(
        shape, 1, operations, folder, template=False, stop_at_first=True, only=regime
    )
    return run_histories(prepared, request, Quiet())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.bug.what)
def test_a_seeded_bug_has_no_order(stock, tmp_path, case):
    buggy = replace(stock, kernel=patched(stock.kernel, case.bug, tmp_path))
    result = judged(buggy, tmp_path, case.regime)
    said = "\n".join(histories_lines(result))
    assert result.exit_code == 1, said
    if "kernel BUG at mm/highmem.c" in said and not result.violating:
        return  # the thread died with the lock, so all others spin and none writes the log
    assert {one.rule for each in result.violating for one in each.violations} & case.rules, said
    assert case.words in said
    assert "the shortest unexplained window" in said


def test_the_kernel_as_it_is_has_one(stock, tmp_path):
    """What is found above is the seeded bug; others may use the lock, but not often."""
    result = judged(stock, tmp_path, "", operations=20_000)
    said = "\n".join(histories_lines(result))
    assert (result.exit_code, result.undecided) == (0, 0), said
    assert result.operations >= 20_000
    assert result.overlap.overlapped
    assert not result.odd, said
