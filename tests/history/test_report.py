"""What is said of a run: every verdict has its exit code, its words and its place in the JSON."""

import json
from dataclasses import replace

import pytest

from harness.compare.divergence import Verdict
from harness.guest.history_wire import HistoryCode, HistoryOutcome
from harness.history.explanation import violations
from harness.history.histories_result import HistoriesResult, JudgedHistory
from harness.history.lock_order import replay
from harness.history.overlap import overlap
from harness.history.violation_window import window_lines
from harness.report.histories_report import histories_lines, histories_value
from tests.history.kernel import run
from tests.history.small import address, event, history
from tests.report.sample import KERNEL

BROKEN = history(
    [event(HistoryCode.KMAP, 0, 1, 2, address(0))], [event(HistoryCode.KMAP, 1, 3, 4, address(0))]
)


def judged(one, **fields):
    found = violations(one)
    window = tuple(window_lines(one, found[0])) if found else ()
    made = JudgedHistory(
        "waits", 9, one.operations, one.outcome, one.complete, found, window,
        replay(one), "", overlap(one),
        0.5, 0.25,
    )  # fmt: skip
    return replace(made, **fields)


def result(*histories, **fields):
    return HistoriesResult(
        **(
            {"kernel": KERNEL, "machine": "2 CPUs", "command": "qemu", "seed": 1, "strict": True}
            | fields
        ),
        histories=histories,
    )


GOOD = judged(run(1))
UNDECIDED = judged(replace(run(2), outcome=HistoryOutcome.STUCK))
CASES = {
    "agree": (result(GOOD), Verdict.AGREE, 0),
    "broken": (result(GOOD, judged(BROKEN)), Verdict.DIVERGE, 1),
    "undecided": (result(GOOD, UNDECIDED), Verdict.UNKNOWN, 3),
    "behaviour": (result(replace(GOOD, odd="slot 3 is next")), Verdict.DIVERGE, 1),
    "behaviour of a patch": (
        result(replace(GOOD, odd="slot 3 is next"), strict=False),
        Verdict.AGREE,
        0,
    ),
    "crash": (result(GOOD, crash="Oops"), Verdict.DIVERGE, 1),
    "trouble": (result(GOOD, troubles=("WARNING: x",)), Verdict.DIVERGE, 1),
    "error": (result(GOOD, error="no memory"), Verdict.ERROR, 3),
    "nothing": (result(), Verdict.ERROR, 3),
}


@pytest.mark.parametrize("name", CASES)
def test_verdicts(name):
    one, verdict, code = CASES[name]
    text = "\n".join(histories_lines(one))
    assert (one.verdict, one.exit_code) == (verdict, code), text
    assert f"verdict     {verdict.value.upper()}" in text
    value = json.loads(json.dumps(histories_value(one), default=list))
    assert (value["verdict"], value["exit_code"]) == (verdict.value, code)
    assert value["steps"] == one.operations


def test_the_window_is_shown():
    text = "\n".join(histories_lines(CASES["broken"][0]))
    assert "1 of 2 histories have no order" in text
    assert "the shortest unexplained window, waits history, seed 9" in text
    assert f">        3 .. 4        thread 1 CPU 0: kmap(page 1) = {address(0):#x}" in text


def test_what_was_not_decided_is_counted_as_that():
    one = CASES["undecided"][0]
    assert f"{UNDECIDED.operations} of {one.operations}" in "\n".join(histories_lines(one))
    assert one.undecided == UNDECIDED.operations
