"""An earlier night, and what is new since."""

import json

import pytest

from harness.errors import UsageError
from harness.nightly.baseline import VerdictChange, changes, read_baseline
from harness.nightly.crew import NOT_STARTED
from harness.report.nightly_report import nightly_lines

WORSE = {"name": "a", "verdict": "diverge"}
RUNS = [{"name": "a", "verdict": "agree"}, {"name": "b", "verdict": "diverge"}]


def test_what_nightly_writes_can_be_read(tmp_path):
    path = tmp_path / "nightly.json"
    path.write_text(json.dumps({"runs": RUNS, "changes": []}))
    assert read_baseline(path) == {"a": "agree", "b": "diverge"}


def test_changes_are_told_and_only_they():
    now = [
        {"name": "a", "verdict": "error"},
        {"name": "b", "verdict": "agree"},
        {"name": "c", "verdict": "agree"},
    ]
    found = changes({"a": "agree", "b": "diverge", "gone": "agree"}, now)
    assert found == (
        VerdictChange("a", "agree", "error"),
        VerdictChange("b", "diverge", "agree"),
        VerdictChange("c", "", "agree"),
        VerdictChange("gone", "agree", ""),
    )
    assert [one.worse for one in found] == [True, False, False, False]
    assert changes({"a": "agree", "b": "diverge"}, RUNS) == ()


def test_a_job_that_a_signal_kept_from_starting_was_not_run():
    run = {"name": "a", "verdict": "error", "exit_code": NOT_STARTED}
    (found,) = changes({"a": "agree"}, [run])
    assert (found.now, found.worse) == ("", False)


def test_the_last_line_has_what_is_worse_and_what_was_not_run_is_counted():
    found = changes({"a": "agree", "gone": "agree", "far": "agree"}, [*RUNS[1:], WORSE])
    lines = list(nightly_lines((), found, "out"))
    assert lines[-1] == "0 of 0 runs agree; 1 WORSE than the baseline; results in out"
    assert "WORSE: a: agree -> diverge" in lines
    assert "not run: 2 runs of the baseline; -v names them" in lines
    assert "  gone" in list(nightly_lines((), found, "out", verbose=True))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"runs": [{}]}', "\x00"])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"other\.json") as caught:
        read_baseline(path)
    assert caught.value.hint
