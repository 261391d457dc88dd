"""A rate counts only while kernel and model agree."""

from types import SimpleNamespace

import pytest

from harness.bench.bench_error import BenchError
from harness.bench.subject import MeasuredGuest
from harness.compare.divergence import ProgramResult


def measured(**facts):
    session = SimpleNamespace(
        result=lambda: SimpleNamespace(programs=[ProgramResult("bench-1", **facts)])
    )
    return MeasuredGuest(None, None, None, None, session)


def test_the_steps_of_a_program_that_agrees():
    assert measured(judged=7).judged() == 7


@pytest.mark.parametrize(
    "facts", [{"judged": 7, "divergences": [object()]}, {"judged": 7, "unjudged": 1}, {}]
)
def test_a_program_that_does_not_agree_is_no_measurement(facts):
    """The judge went on for 2,378 of 20,297 steps at a twentieth of its rate, and was measured."""
    with pytest.raises(BenchError, match="does not agree"):
        measured(**facts).judged()
