"""Variables that are not what they were taken for: what shows it, and the verdict without."""

import pytest

from harness.compare.criteria import standard_contract
from harness.compare.divergence import Layer, Verdict
from harness.compare.evidence_mask import COUNTS, FULL, evidence_mask
from harness.trace.trace_records import End
from tests.compare.model_guest import SMALL, ModelGuest, program

HEAD = "tasks: a@0 b@1\npages: high 12, low 1\n"
TURN = (
    HEAD
    + "for i in 0..9 { a: m[i] = kmap h[i]; a: kunmap h[i] }\na: m0 = kmap h11\na: kunmap h11\n"
)
FILL = (
    HEAD + "for i in 0..7 { a: m[i] = kmap h[i] }\nb: m9 = kmap h9\na: kunmap h3\nb: kunmap h9\n"
)
SHARED = HEAD + (
    "a: m0 = kmap h0\na: kunmap h0\na: m0 = kmap h0\nb: m1 = kmap h0\nb: kunmap h0\na: kunmap h0\n"
)


def judged(text, show, evidence=FULL):
    """A program on a kernel whose observations are what *show* makes of the model's."""
    guest = ModelGuest(SMALL, program(text, SMALL))
    judge = guest.judge(evidence=evidence, contract=standard_contract(evidence_mask(evidence)))
    for step in guest.steps():
        judge.step(step._replace(observation=show(step.number, step.observation)))
    return judge.end(End(len(guest.program.operations))), judge


def counts(change):
    """Every count another, as *change* of its number and what it is says."""
    return lambda number, seen: seen._replace(
        slots=tuple(one._replace(count=change(number, one.count)) for one in seen.slots)
    )


def second_user_uncounted(number, seen):
    """The second kmap of a page leaves its count, and the first kunmap brings it to 1."""
    if number == 3:
        return seen._replace(slots=())
    return counts(lambda number, count: 1 if number == 4 else count)(number, seen)


@pytest.mark.parametrize("text", [TURN, FILL, SHARED])
def test_counts_that_start_at_0_are_no_evidence(text):
    result, judge = judged(text, counts(lambda _, count: max(count - 1, 0)))
    assert (result.verdict, result.divergences) == (Verdict.AGREE, [])
    (lost,) = judge.criteria.lost
    assert lost.names == {"counts"}
    assert lost.reason == "pkmap_count shows 1 for a page with 1 users, and a PTE"


def test_a_queue_that_nobody_waits_in_is_no_evidence():
    result, judge = judged(FILL, lambda _, seen: seen._replace(waiters=0, wakes=0))
    assert result.verdict is Verdict.AGREE
    assert [sorted(one.names) for one in judge.criteria.lost] == [["waiters", "wakes"]]


def test_a_cursor_that_is_no_slot_is_no_evidence():
    result, judge = judged(TURN, lambda _, seen: seen._replace(cursor=0xCCCCCCCC))
    assert result.verdict is Verdict.AGREE
    assert [sorted(one.names) for one in judge.criteria.lost] == [["cursor"]]


def test_a_count_that_was_right_and_is_wrong_of_users_is_a_bug():
    result, judge = judged(SHARED, counts(lambda number, count: 1 if number == 4 else count))
    assert judge.criteria.lost == ()
    (found,) = result.divergences
    assert found.layer is Layer.CONTRACT
    assert found.reasons == ("users: page 0: 1 kmaps not undone, 0 by the count",)


def test_a_number_that_was_right_and_is_wrong_while_there_are_users_is_behaviour():
    result, judge = judged(SHARED, counts(lambda number, count: 7 if number == 3 else count))
    assert judge.criteria.lost == ()
    assert [one.layer for one in result.divergences] == [Layer.BEHAVIOUR]


def test_a_second_user_who_is_not_counted_is_found_when_the_other_goes():
    result, judge = judged(SHARED, second_user_uncounted)
    assert judge.criteria.lost == ()
    assert [(one.step, one.layer) for one in result.divergences] == [
        (3, Layer.BEHAVIOUR),
        (4, Layer.CONTRACT),
    ]
    assert result.divergences[1].reasons == ("users: page 0: 1 kmaps not undone, 0 by the count",)


def test_a_user_who_is_counted_twice_is_found_when_he_goes():
    counted_twice = counts(lambda number, count: count + 1 if number in (2, 3, 4, 5) else count)
    result, judge = judged(SHARED, counted_twice)
    assert judge.criteria.lost == ()
    last = result.divergences[-1]
    assert (last.step, last.layer) == (5, Layer.CONTRACT)
    assert last.reasons == ("users: page 0: 0 kmaps not undone, 1 by the count",)


def test_without_counts_a_page_that_moves_in_use_is_found():
    def moved(number, seen):
        if number != 3:
            return seen
        one = seen.slots[0]
        return seen._replace(slots=(one._replace(count=0, pte=0, address=0),), page_address=0)

    result, _ = judged(SHARED, moved, FULL & ~COUNTS)
    assert any("moved-in-use" in reason for reason in result.divergences[0].reasons)
