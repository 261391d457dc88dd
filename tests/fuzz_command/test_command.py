"""``kmap-harness fuzz`` as a user calls it."""

import json

import pytest
from typer.testing import CliRunner

from harness.cli.main import application


def fuzz(*words):
    return CliRunner().invoke(application(["fuzz"]), ["fuzz", *words])


@pytest.mark.parametrize("time", ["", "0s", "10", "-1m", "1d", "9999999s"])
def test_a_time_that_is_none(time):
    ended = fuzz("--time", time)
    assert ended.exit_code != 0
    assert "is no length of time" in str(ended.exception)


@pytest.mark.guest
def test_a_stock_kernel_agrees(tmp_path):
    result = tmp_path / "result.json"
    words = ("--steps", "3000", "--seed", "11", "--json", str(result), "--out", str(tmp_path))
    ended = fuzz(*words)
    assert ended.exit_code == 0, ended.output
    value = json.loads(result.read_text())
    assert value["verdict"] == "agree"
    assert value["steps"] >= 3000
    assert value["found"] == value["unjudged"] == []
