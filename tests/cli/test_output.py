"""Results and reports: ``-`` is standard output, which a result has alone; ``--quiet``."""

import json

import pytest

from .test_known_bugs import traced  # noqa: F401 - a fixture

EMPTY = {"KMAP_HARNESS_CACHE": "empty"}


@pytest.mark.parametrize(
    ("words", "key"),
    [
        (("explore", "--machine", "tiny"), "machines"),
        (("cache",), "products"),
        (("cache", "list"), "products"),
        (("kernels",), None),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, tuple) else None,
)
def test_json_on_standard_output_is_alone_there(harness, words, key):
    answer = harness(*words, "--json", "-", **EMPTY)
    assert answer.code == 0, answer
    value = json.loads(answer.out)
    assert value if key is None else key in value
    assert answer.err, "the report is on standard error"
    assert not (harness.place / "-").exists()


def test_json_of_a_run_that_is_judged_again(harness, traced):  # noqa: F811 - the fixture
    answer = harness("diff", traced("6.1.176"), "--json", "-")
    assert json.loads(answer.out)["verdict"] == "agree"
    assert "verdict     AGREE" in answer.err


def test_two_results_cannot_both_be_on_standard_output(harness):
    answer = harness("check", "--json", "-", "--mail", "-")
    assert answer.code == 2
    assert "two results would be written to -" in answer.err


def test_quiet_prints_the_verdict_only(harness, traced):  # noqa: F811 - the fixture
    quiet = harness("diff", traced("6.1.176"), "-q")
    assert quiet.out == "verdict     AGREE: the kernel did at every step what the model allows\n"
    assert quiet.err == ""
    quiet = harness("explore", "--machine", "tiny", "--quiet")
    assert quiet.out == "verdict  the contract holds in every state\n"


@pytest.mark.parametrize("words", ["mutants --list", "scenarios list", "kernels", "doctor -h"])
def test_no_list_is_wider_than_a_screen(harness, words):
    lines = harness(*words.split(), **EMPTY).out.splitlines()
    assert lines
    assert [line for line in lines if len(line) > 99] == []
