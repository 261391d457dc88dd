"""The probability of random schedules, and the programs that are long enough for them."""

import pytest

from harness.schedule.random_programs import random_programs
from harness.schedule.random_sample import RandomSample
from harness.schedule.thread_program import may_starve, parse_program


def sample(depth, threads, length, counted=1):
    return RandomSample(depth, 1, threads, length, counted)


@pytest.mark.parametrize(
    ("depth", "threads", "length", "least"),
    [(1, 2, 40, 1 / 2), (2, 2, 40, 1 / 80), (3, 3, 10, 1 / 300), (1, 1, 9, 1)],
)
def test_one_schedule_finds_a_bug_with_the_probability_of_the_paper(depth, threads, length, least):
    assert sample(depth, threads, length).probability == pytest.approx(least)
    assert sample(depth, threads, length).together == pytest.approx(least)


def test_many_schedules_find_it_more_surely():
    assert sample(2, 2, 40, 80).together == pytest.approx(1 - (79 / 80) ** 80)
    assert sample(2, 2, 40, 0).together == 0


def test_schedules_before_a_longer_one_are_not_counted():
    one = RandomSample(2, 1, 2).grown(50, 31)
    assert (one.length, one.counted) == (38, 0)
    one = one.grown(100, 30).grown(100, 38)
    assert (one.length, one.counted) == (38, 200)
    one = one.grown(100, 39)
    assert (one.length, one.counted) == (48, 0)


def test_the_report_says_what_the_bound_depends_on():
    words = sample(2, 2, 40, 80).words
    assert words == (
        "seed 1, 2 threads, at most 40 steps: a bug of depth 2 shows with probability 0.63 or more"
    )


def test_random_programs_are_sound_and_long_and_come_again():
    programs = random_programs(40, seed=3)
    assert len(programs) == 40
    assert random_programs(40, seed=3) == programs != random_programs(40, seed=4)
    assert not any(map(may_starve, programs))
    assert [parse_program(str(one)) for one in programs] == list(programs)
    assert {len(one.threads) for one in programs} == {2, 3}
    assert all(len(steps) > 5 for one in programs for steps in one.threads)
