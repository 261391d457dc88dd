"""``kmap-harness fuzz`` as a user calls it."""

import json
from datetime import date

import pytest
from typer.testing import CliRunner

from harness.base.progress import Quiet
from harness.check.checked_program import CheckedKind
from harness.cli.main import application
from harness.compare.known_bugs_file import load_known_bugs
from harness.fuzz.fuzzed_guest import FuzzedGuest
from harness.guest.shape_words import parse_shape
from harness.run.prepare import prepare
from harness.run.usual_machine import usual_machine
from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.scenario_parser import parse_scenario


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


@pytest.mark.guest
def test_a_campaign_goes_on_with_the_corpus_of_the_last_one(tmp_path):
    def features(number, *words):
        result = tmp_path / f"{number}.json"
        place = ("--json", str(result), "--out", str(tmp_path / number))
        ended = fuzz("--corpus", str(tmp_path / "corpus"), *words, *place)
        assert ended.exit_code == 0, ended.output
        return json.loads(result.read_text())["features"]

    first = features("first", "--steps", "2000", "--jobs", "2", "--seed", "12")
    kept = list((tmp_path / "corpus").glob("*.kmap"))
    assert kept
    assert features("second", "--steps", "1", "--seed", "13") > 0
    assert first > 0


TWO_ARM = """title: two tasks arm interrupts
tasks: a@0 b@0
pages: high 4
a: interrupt timer+500 hardirq h2 1
b: interrupt timer+500 hardirq h3 1
a: m0 = kmap_local_page h0
b: m1 = kmap_local_page h1
a: kunmap_local m0
a: interrupt map+3 hardirq h2 1
b: interrupt ipi+1000 softirq h3 1
a: m0 = kmap_local_page h0
b: kunmap_local m1
a: kunmap_local m0
"""


@pytest.mark.guest
def test_the_newest_armed_interrupt_is_the_one_that_comes(tmp_path):
    prepared = prepare("debian-6.1-686-pae", None, Quiet())
    machine = usual_machine(parse_shape("smp=2"), prepared.kernel)
    bugs = load_known_bugs(None, date.today())
    with FuzzedGuest(prepared, machine, bugs, tmp_path) as guest:
        program = lower(parse_scenario(TWO_ARM), Facts(guest.layout))
        run = guest.run(program)
    assert run.judged.kind is CheckedKind.AGREE, run.judged
