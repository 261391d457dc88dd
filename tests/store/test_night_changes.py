"""What is new, since when, and what is only flaky."""

from harness.store.flakiness import Flakiness
from harness.store.night_changes import ChangeKind, compare_nights
from harness.store.store_records import PlannedJob

from .sample_runs import finding, run


def kinds(now, past, planned=()):
    return [(one.kind, one.subject) for one in compare_nights(planned, now, past)]


def test_a_job_that_agrees_as_before_is_no_change():
    assert kinds([run("two")], [run("one")]) == []
    assert kinds([run("two")], []) == []


def test_newly_failing_names_the_program_and_both_nights():
    past = [run("one"), run("two")]
    (one,) = compare_nights((), [run("three", "k-smp1", "diverge", "p", inputs="other")], past)
    assert (one.kind, one.subject) == (ChangeKind.NEWLY_FAILING, "p on k-smp1")
    assert (one.last_good, one.first_bad, one.text) == ("two", "three", "count 2")


def test_another_program_that_fails_is_new_though_the_job_failed_before():
    past = [run("one", "j", "diverge", "a")]
    found = kinds([run("two", "j", "diverge", "a", "b", inputs="other")], past)
    assert found == [(ChangeKind.NEWLY_FAILING, "b on j"), (ChangeKind.STILL_FAILING, "a on j")]


def test_what_fails_for_several_nights_says_since_when():
    past = [run("0", "j", "diverge", "a"), run("1", "j"), run("2", "j", "diverge", "a")]
    past = [*past, run("3", "j", "diverge", "a")]
    now = run("4", "j", "diverge", "a", inputs="other")
    (one,) = compare_nights((), [now], past)
    assert (one.kind, one.last_good, one.first_bad) == (ChangeKind.STILL_FAILING, "1", "2")


def test_fixed():
    past = [run("one", "j", "diverge", "a")]
    (one,) = compare_nights((), [run("two", "j", inputs="other")], past)
    assert (one.kind, one.last_good, one.first_bad) == (ChangeKind.NEWLY_FIXED, "two", "one")
    assert one.text == "count 2"


def test_equal_inputs_with_other_results_are_flaky_and_newly_so_once():
    good, bad = run("1", "j"), run("2", "j", "diverge", "a")
    (one,) = compare_nights((), [bad], [good])
    assert (one.kind, one.flakiness) == (ChangeKind.NEWLY_FLAKY, Flakiness(1, 2))
    (one,) = compare_nights((), [run("3", "j")], [good, bad])
    assert (one.kind, one.flakiness) == (ChangeKind.FLAKY, Flakiness(1, 3))


def test_no_verdict_is_neither_failing_nor_fixed():
    past = [run("one", "j", "diverge", "a")]
    error = run("two", "j", "error", findings=(finding("", "QEMU ended", "error"),))
    (one,) = compare_nights((), [error], past)
    assert (one.kind, one.text) == (ChangeKind.NO_VERDICT, "QEMU ended")
    later = compare_nights((), [run("three", "j", "diverge", "a")], [*past, error])
    assert [one.kind for one in later] == [ChangeKind.STILL_FAILING]


def test_a_planned_job_without_a_run_says_why_and_one_that_is_no_longer_planned_is_named():
    planned = [PlannedJob("1", "j"), PlannedJob("2", "late", "no time was left")]
    found = compare_nights(planned, [run("two", "j")], [run("one", "j"), run("one", "gone")])
    assert [(one.subject, one.because) for one in found] == [
        ("gone", ""),
        ("late", "no time was left"),
    ]
    assert {one.kind for one in found} == {ChangeKind.NOT_RUN}


def test_a_divergence_without_a_finding_still_fails():
    found = kinds([run("two", "j", "diverge", inputs="other")], [run("one", "j")])
    assert found == [(ChangeKind.NEWLY_FAILING, "j")]


def test_the_interval_of_a_share():
    """The figures are those of Wilson's interval in R's binom.confint."""
    low, high = Flakiness(1, 10).interval
    assert (round(low, 4), round(high, 4)) == (0.0179, 0.4042)
    assert Flakiness(0, 0).interval == (0.0, 1.0)
    assert Flakiness(0, 5).interval[0] == 0.0
    assert Flakiness(5, 5).interval[1] == 1.0
    assert Flakiness(1, 10).words == "1 of 10 fail, 2 to 40 %"
