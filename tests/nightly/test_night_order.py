"""Which jobs a budget has room for, and which start first."""

from hypothesis import given
from hypothesis import strategies as st

from harness.nightly.night_job import Job
from harness.nightly.night_order import Forecast, choose_jobs, longest_first


def job(name, smp=1):
    return Job(name, (), smp, 64, suite="suite")


def names(jobs):
    return [one.name for one in jobs]


def test_the_longest_first_and_the_unknown_before_all():
    forecast = Forecast({"a": 1.0, "b": 9.0})
    assert names(longest_first([job("a"), job("b"), job("new")], forecast)) == ["new", "b", "a"]


def test_a_new_job_takes_as_long_as_its_suite():
    forecast = Forecast({"suite": 5.0, "a": 1.0, "b": 9.0})
    assert names(longest_first([job("a"), job("b"), job("new")], forecast)) == ["b", "new", "a"]


def test_a_budget_takes_first_what_waited_longest():
    forecast = Forecast({"a": 60.0, "b": 60.0, "c": 60.0}, {"a": 1, "b": 3, "c": 2})
    choice = choose_jobs([job("a"), job("b"), job("c")], forecast, 130.0, 1)
    assert names(choice.jobs) == ["b", "c"]
    assert choice.left_out == {"a": "the budget has no room for it: it takes about 60 s"}


def test_without_a_budget_nothing_is_left_out():
    forecast = Forecast({"a": 1e9})
    assert choose_jobs([job("a")], forecast, None, 1).left_out == {}


@given(
    st.dictionaries(st.text("ab", min_size=1, max_size=4), st.floats(0, 100), max_size=9),
    st.floats(0, 300),
    st.integers(1, 4),
)
def test_every_job_is_chosen_or_left_out_and_the_chosen_fit(seconds, budget, cores):
    jobs = [job(name, smp=1 + len(name) % 2) for name in seconds]
    choice = choose_jobs(jobs, Forecast(seconds), budget, cores)
    assert sorted([*names(choice.jobs), *choice.left_out]) == sorted(seconds)
    used = sum(seconds[one.name] * min(one.cores, cores) for one in choice.jobs)
    assert used <= budget * cores + 1e-6
