"""``store``: what it says of nights, and what it refuses."""

import json

import pytest

from tests.report.sample_night import viewed
from tests.report.test_night_reports import BAD, GOOD


@pytest.fixture
def stored(harness):
    viewed(harness.place, {"a": GOOD, "b": BAD}, {"a": BAD, "b": BAD})
    return lambda *words: harness("store", *words, "--store", harness.place / "store.sqlite")


def test_the_list_says_that_the_store_is_whole(stored, harness):
    answer = stored()
    assert answer.out.splitlines()[:2] == [
        "2026-01-01: 1 of 2 runs agree",
        "2026-01-02: 0 of 2 runs agree",
    ]
    assert "is whole: 2 nights, 4 runs" in " ".join(answer.out.split())
    assert [one["name"] for one in json.loads(stored("--json", "-").out)] == [
        "2026-01-01",
        "2026-01-02",
    ]


def test_the_last_night_against_all_and_one_night_against_another(stored):
    for words in (("baseline",), ("compare", "2026-01-01", "2026-01-02")):
        lines = stored(*words).out.splitlines()
        assert lines[0].startswith("NEWLY FAILING: <text> on a")
        assert lines[-1].endswith("1 still failing")
    assert "NEWLY FIXED: <text> on a" in stored("compare", "2026-01-02", "2026-01-01").out


def test_the_history_of_a_job(stored):
    lines = stored("history", "a").out.splitlines()
    assert [line.split()[:2] for line in lines if line[0] != " "] == [
        ["2026-01-01", "agree"],
        ["2026-01-02", "diverge"],
    ]
    assert stored("history", "nosuch").code == 2


def test_reports_are_written_whole(stored, harness):
    assert stored("report", "--out", harness.place / "r").code == 0
    assert {one.name for one in (harness.place / "r").iterdir()} == {
        *("nightly.json", "junit.xml", "night.html", "night.ktap", "kcidb.json", "mail.txt"),
    }
    assert stored("report", "2026-01-01", "--out", harness.place / "r").code == 0


def test_messages_and_merge(stored, harness):
    assert "0 kinds of kernel messages" in stored("messages").out
    other = harness.place / "all.sqlite"
    source = harness.place / "store.sqlite"
    answer = harness("store", "merge", source, "--store", other)
    assert "4 runs added" in answer.out


def test_what_is_not_there_is_refused(stored, harness):
    for words in (("baseline", "nosuch"), ("compare", "2026-01-01", "x")):
        answer = stored(*words)
        assert answer.code == 2
        assert "there is no night" in answer.err
    answer = harness("store", "--store", "none.sqlite")
    assert answer.code == 2
    assert "there is no store none.sqlite" in answer.err


def test_the_matrix_of_a_pipeline(harness):
    answer = harness("matrix", "--format", "github", "--shards", "2")
    assert json.loads(answer.out) == {"shard": ["1/2", "2/2"]}
    answer = harness("matrix", "--format", "gitlab", "--shards", "2")
    assert '- SHARD: ["1/2", "2/2"]' in answer.out
    lines = harness("matrix", "--set", "source", "--shards", "2").out.splitlines()
    assert {line.partition(":")[0] for line in lines} == {"1/2", "2/2"}
    assert len(lines) == len(set(lines))
    assert harness("matrix", "--format", "other").code == 2


@pytest.mark.parametrize("shard", ["0/2", "3/2", "1", "a/b", "1/0"])
def test_a_shard_that_is_none(harness, shard):
    answer = harness("nightly", "--night", "n", "--shard", shard)
    assert answer.code == 2
    assert "is no shard" in answer.err


def test_a_shard_without_a_night(harness):
    answer = harness("nightly", "--shard", "1/2")
    assert answer.code == 2
    assert "same --night NAME" in answer.err
