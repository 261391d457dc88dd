"""What the tests of parsers share: inputs, how many of them, and what an answer may be.

``KMAP_HARNESS_FUZZ_SECONDS=600`` lets each test go on for ten minutes, with new inputs each time;
otherwise it tries a few, the same ones every time.
"""

import os
import random
import time
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from harness.errors import HarnessError

SECONDS = float(os.environ.get("KMAP_HARNESS_FUZZ_SECONDS", "0"))
MESSAGE_MOST = 2000
ROUND = 300
"""Inputs between two looks at the clock."""


def fuzz(check: Callable[[Any], None], inputs: st.SearchStrategy[Any], examples: int = 25) -> None:
    """Try *check* on many *inputs*."""
    if not SECONDS:
        _round(check, inputs, examples, 0)
        return
    until, number = time.monotonic() + SECONDS, random.randrange(1 << 30)
    while time.monotonic() < until:
        _round(check, inputs, ROUND, number)
        number += 1


def _round(check: Callable[[Any], None], inputs: Any, examples: int, number: int) -> None:
    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def one(given_input: Any) -> None:
        check(given_input)

    one()


def clean(action: Callable[[], object], *, code: int = 2) -> HarnessError | None:
    """Do *action*, which succeeds or fails with one message, a remedy and the exit code."""
    error = _error_of(action)
    if error:
        assert error.exit_code == code, error
        assert error.message
        assert error.hint, error.message
        assert len(error.message) < MESSAGE_MOST, error.message[:MESSAGE_MOST]
    return error


def _error_of(action: Callable[[], object]) -> HarnessError | None:
    try:
        action()
    except HarnessError as error:
        return error
    return None


@st.composite
def mutated(draw: Any, texts: Any, words: Any = None) -> Any:
    """A text (or bytes) of *texts*, of which pieces are cut, doubled, moved, or replaced.

    *words* are pieces to put in; those of the text itself are used as well.
    """
    text = draw(texts)
    nothing = text[:0]
    other = st.text(max_size=8) if isinstance(text, str) else st.binary(max_size=8)
    for _ in range(draw(st.integers(1, 6))):
        start, end = sorted(draw(st.integers(0, len(text))) for _ in range(2))
        end = min(end, start + draw(st.sampled_from((1, 4, 30, 4000))))
        piece = text[start:end]
        new = draw(
            st.one_of(
                st.just(nothing),
                st.just(piece * draw(st.sampled_from((2, 3, 50)))),
                st.just(piece[::-1]),
                other,
                *([words] if words is not None else []),
            )
        )
        text = text[:start] + new + text[end:]
    return text


NUMBERS = st.one_of(
    st.integers(-9, 300),
    st.integers(),
    st.sampled_from([1 << 31, (1 << 32) - 1, 1 << 32, 1 << 64, -(1 << 31), 10**300]),
)


def json_values() -> st.SearchStrategy[Any]:
    """Any value of JSON."""
    plain = st.one_of(st.none(), st.booleans(), NUMBERS, st.floats(), st.text(max_size=8))
    return st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=8,
    )
