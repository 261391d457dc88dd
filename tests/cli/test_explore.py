"""The explore command: table, verdict, the shortest program to a broken rule, the drawing."""

import json
import subprocess
import sys

from harness.model.rules import pkmap
from harness.model.search.standard_machines import MACHINES
from harness.scenario.explored_machine import explored_machine
from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.scenario_parser import parse_scenario


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "harness", "explore", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_clean_machines_and_json(tmp_path):
    done = command(
        "--machine", "tiny", "--machine", "stack-kmap", "--json", str(tmp_path / "x.json")
    )
    assert done.returncode == 0, done.stderr
    assert "the contract holds in every state" in done.stdout
    machines = json.loads((tmp_path / "x.json").read_text())["machines"]
    assert [one["verdict"] for one in machines] == ["clean", "clean"]


def test_drawing(tmp_path):
    assert command("--svg", str(tmp_path / "tiny.svg")).returncode == 0
    assert (tmp_path / "tiny.svg").read_text().startswith("<svg")


def test_unknown_machine_is_wrong_use():
    done = command("--machine", "enormous")
    assert done.returncode == 2
    assert "there is no standard machine 'enormous'" in done.stderr


def test_broken_model_prints_the_shortest_program_as_a_scenario(monkeypatch):
    def never_wake(d, page):
        original(d, page)
        return False

    original = pkmap.release
    monkeypatch.setattr(pkmap, "release", never_wake)
    standard = next(one for one in MACHINES if one.name == "stack-kmap")
    found = explored_machine(standard)
    assert found.verdict == "BROKEN"
    assert found.scenario.count("kmap page") or found.scenario.count("kmap h")
    program = lower(
        parse_scenario(found.scenario, "broken.kmap"),
        Facts(standard.machine.layout, throwaway=True),
    )
    assert program.operations[-1].code.name == "KUNMAP"
    assert len(program.operations) == 4
