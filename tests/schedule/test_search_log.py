"""The log of searches: what it keeps, and when it is out of date."""

from dataclasses import replace

import pytest

from harness.guest.schedule_wire import SearchDecision
from harness.schedule.program_search import SearchSpace
from harness.schedule.search_log import FILE, LoggedSearch, SearchLog
from tests.schedule.test_schedules_report import GATES, PROGRAM

SPACE = SearchSpace(PROGRAM, GATES, 2)
BEGUN = LoggedSearch(7, 90, 2, decisions=(SearchDecision(3, 0, 1, 1, 1),), outcomes=("a", "b"))


def log(folder, kernel="6.1", machine="4 CPUs", *, resume=True):
    return SearchLog(folder, kernel, machine, resume=resume)


def test_the_last_line_of_a_program_counts(tmp_path):
    for one in (BEGUN, replace(BEGUN, schedules=9, complete=True)):
        log(tmp_path).add(SPACE, one)
        assert log(tmp_path).known(SPACE) == one


@pytest.mark.parametrize(
    ("other", "space"),
    [
        ({"kernel": "5.10"}, SPACE),
        ({"machine": "8 CPUs"}, SPACE),
        ({"resume": False}, SPACE),
        ({}, replace(SPACE, bound=3)),
        ({}, replace(SPACE, gates=GATES[1:])),
        ({}, replace(SPACE, program=replace(PROGRAM, wrap=True))),
    ],
)
def test_what_has_changed_begins_again(tmp_path, other, space):
    log(tmp_path).add(SPACE, BEGUN)
    assert log(tmp_path, **other).known(space) == LoggedSearch()


def test_a_line_that_a_kill_has_cut_is_no_line(tmp_path):
    log(tmp_path).add(SPACE, BEGUN)
    path = tmp_path / FILE
    path.write_text(f"{path.read_text()}{path.read_text()[:40]}")
    assert log(tmp_path).known(SPACE) == BEGUN
