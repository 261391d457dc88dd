"""What is said of a run: every verdict has its exit code and its words; lanes; what replays."""

import json
from dataclasses import replace

import pytest

from harness.compare.divergence import Verdict
from harness.guest.gate_wire import Gate, GateFlag, GateKind
from harness.guest.schedule_wire import GateEvent, SearchDecision
from harness.report.schedules_report import schedules_lines, schedules_value
from harness.schedule.schedule_judge import shortest
from harness.schedule.schedules_result import FoundSchedule, ProgramSchedules, SchedulesResult
from harness.schedule.thread_program import parse_program
from tests.report.sample import KERNEL

PROGRAM = parse_program("kmap a || kunmap x")
GATES = (
    Gate("kmap_high+0x1e", "_raw_spin_lock", 0, GateKind.ACQUIRE, GateFlag.BEFORE, b""),
    Gate("kmap_high+0xec", "_raw_spin_unlock", 9, GateKind.RELEASE, GateFlag.AFTER, b""),
    Gate("kmap_high+0xf1", "schedule", 12, GateKind.SCHEDULE, GateFlag.BEFORE, b""),
)
EVENTS = (
    GateEvent(0, GateKind.START, 0, 0),
    GateEvent(0, GateKind.OPERATION, 0, 0),
    GateEvent(0, GateKind.ACQUIRE, 0, 0),
    GateEvent(0, GateKind.RELEASE, 1, 1),
    GateEvent(1, GateKind.OPERATION, 0, 0),
    GateEvent(0, GateKind.SCHEDULE, 0, 2),
    GateEvent(0, GateKind.SLEEP, 0, 2),
)
LOST = FoundSchedule(
    rule="asleep though a slot is free",
    detail="1 of 2 threads sleep",
    window=("stamps 2 to 5:",),
    times=3,
    preemptions=1,
    decisions=(SearchDecision(3, 255, 0, 0, 0), SearchDecision(3, 0, 1, 0, 1)),
    events=EVENTS,
    gates=GATES,
)
GOOD = ProgramSchedules(PROGRAM, 2, 11, 19, 12, 222, complete=True, seconds=0.1, outcomes=3)
LANES = [
    "thread 0                              | thread 1",
    "begins                                |",
    "kmap a                                |",
    "  takes a lock: kmap_high+0x1e        |",
    "  has released a lock: kmap_high+0xec |",
    "--------------------------------------+---------",
    "                                      | kunmap x",
    "--------------------------------------+---------",
    "  calls schedule: kmap_high+0xf1      |",
    "  sleeps                              |",
]


def result(*programs, **fields):
    known = {
        "kernel": KERNEL,
        "machine": "4 CPUs",
        "command": "qemu",
        "strict": True,
        "bound": 2,
        "level": "lock",
    }
    return SchedulesResult(**(known | fields), programs=programs)


BROKEN = replace(GOOD, violations=(LOST,))
CASES = {
    "agree": (result(GOOD), Verdict.AGREE, 0),
    "broken": (result(GOOD, BROKEN), Verdict.DIVERGE, 1),
    "behaviour": (result(replace(GOOD, odd=(LOST,))), Verdict.DIVERGE, 1),
    "behaviour of a patch": (result(replace(GOOD, odd=(LOST,)), strict=False), Verdict.AGREE, 0),
    "crash": (result(replace(GOOD, crash="Oops", death="01")), Verdict.DIVERGE, 1),
    "trouble": (result(GOOD, troubles=("WARNING: x",)), Verdict.DIVERGE, 1),
    "not all": (result(replace(GOOD, complete=False)), Verdict.UNKNOWN, 3),
    "unknown": (result(replace(GOOD, unknown="departed")), Verdict.UNKNOWN, 3),
    "left out": (result(GOOD, left_out=2), Verdict.UNKNOWN, 3),
    "nothing": (result(), Verdict.ERROR, 3),
    "error": (result(GOOD, error="no memory"), Verdict.ERROR, 3),
}


@pytest.mark.parametrize("name", CASES)
def test_every_verdict_has_its_words(name):
    one, verdict, code = CASES[name]
    *lines, last = schedules_lines(one, "again")
    assert (one.verdict, one.exit_code) == (verdict, code)
    assert last.startswith(f"verdict     {verdict.value.upper()}")
    assert lines
    json.dumps(schedules_value(one), default=list)


def test_the_certificate_says_what_was_run():
    assert GOOD.certificate == "19 schedules, bound 2, gates 11, outcomes 3: 0 violations"
    assert BROKEN.certificate.endswith(": 3 violations")
    assert "19 schedules, not all, bound" in replace(GOOD, complete=False).certificate
    assert replace(GOOD, replayed=True).certificate == "19 replays, gates 11: 0 violations"


def test_a_violation_is_drawn_and_can_be_replayed():
    lines = list(schedules_lines(result(BROKEN), "again"))
    start = lines.index(f"    {LANES[0]}")
    assert [line[4:] for line in lines[start : start + len(LANES)]] == LANES
    assert "  replay    again --programs 'kmap a || kunmap x; slots 1' --replay 01" in lines


def test_a_schedule_that_kills_the_kernel_can_be_replayed():
    lines = list(schedules_lines(CASES["crash"][0], "again"))
    assert "  replay    again --programs 'kmap a || kunmap x; slots 1' --replay 01" in lines


def test_the_shortest_schedule_stands_for_a_rule():
    """Fewest preemptions, then fewest steps; all schedules that broke the rule are counted."""
    longer = replace(LOST, preemptions=2, events=EVENTS[:1], times=5)
    sooner = replace(LOST, events=EVENTS[:3], times=1)
    other = replace(LOST, rule="data", preemptions=0)
    found = shortest(iter((longer, LOST, other, sooner)))
    assert [(one.rule, one.preemptions, len(one.events), one.times) for one in found] == [
        ("data", 0, 7, 3),
        (LOST.rule, 1, 3, 9),
    ]
