"""Traces with any value, any line and any byte changed: refused by name, or judged."""

import gzip
import json

import pytest
from hypothesis import strategies as st

from harness.compare.divergence import Verdict
from harness.report.run_report import run_lines
from harness.report.run_value import run_value
from harness.report.trace_report import trace_lines
from harness.run.replay import compare_files, replay
from tests.faults.traces import altered, places, write_trace

from .fuzzing import clean, fuzz, json_values, mutated


@pytest.fixture
def whole(tmp_path):
    path = tmp_path / "whole.trace"
    return path, write_trace(path)


@pytest.fixture
def judge(tmp_path, whole):
    path = tmp_path / "run.trace"

    def check(content):
        path.write_bytes(content)

        def action():
            result = replay(path)
            assert result.verdict in Verdict
            assert "".join(run_lines(result, verbose=True))
            assert run_value(result)
            assert "".join(trace_lines(compare_files(path, whole[0])))

        error = clean(action)
        if error:
            assert error.message.startswith(str(path)), error.message
        clean(lambda: replay(path, partial=True))

    return check


def text_of(lines):
    return "".join(f"{json.dumps(line)}\n" for line in lines).encode()


def packed(content):
    return gzip.compress(content, 1)


@st.composite
def with_values(draw, lines):
    """The trace with one to three values replaced."""
    changed = [*lines]
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(changed) - 1))
        place = draw(st.sampled_from(list(places(changed[number]))))
        changed[number] = altered(changed[number], place, draw(json_values()))
    return packed(text_of(changed))


def test_any_values(whole, judge):
    fuzz(judge, with_values(whole[1]))


def test_lines_in_any_order(whole, judge):
    def check(numbers):
        judge(packed(text_of([whole[1][0], *(whole[1][n] for n in numbers)])))

    fuzz(check, st.lists(st.integers(1, len(whole[1]) - 1), max_size=20))


def test_any_text_within(whole, judge):
    fuzz(judge, mutated(st.just(text_of(whole[1]))).map(packed))


def test_any_bytes(whole, judge):
    fuzz(judge, st.binary() | mutated(st.just(whole[0].read_bytes())))
