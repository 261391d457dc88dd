"""An earlier night, and what is new since."""

import json

import pytest

from harness.errors import UsageError
from harness.nightly.baseline import VerdictChange, changes, read_baseline

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
    assert [one.worse for one in found] == [True, False, False, True]
    assert changes({"a": "agree", "b": "diverge"}, RUNS) == ()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"runs": [{}]}', "\x00"])
def test_another_file_is_refused(tmp_path, text):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(UsageError, match=r"other\.json") as caught:
        read_baseline(path)
    assert caught.value.hint
