"""What fuzzing has found: each program passes on a correct kernel and fails on the named one."""

import re
from datetime import date
from pathlib import Path

import pytest

from harness.base import project
from harness.base.cache import Cache
from harness.base.progress import Quiet
from harness.check.checked_program import CheckedKind
from harness.compare.divergence import Verdict
from harness.compare.known_bugs_file import load_known_bugs
from harness.fuzz.fuzzed_guest import FuzzedGuest
from harness.guest.shape_words import parse_shape
from harness.kernel.build_recipe import recipes
from harness.model.records.machine import missing_operations
from harness.mutants.mutant_catalogue import read_catalogue
from harness.mutants.shared_tree import open_shared_tree
from harness.mutants.switched import all_in_one
from harness.run.prepare import prepare
from harness.run.usual_machine import usual_machine
from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.scenario_parser import read_scenario
from harness.trace.trace_records import End
from tests.compare.model_guest import LOCAL, ModelGuest

FOLDER = project.SCENARIOS / "found"
FOUND = sorted(FOLDER.glob("*.kmap"))
MUTANTS = {one.name: one for one in read_catalogue(project.MUTANTS).mutants}
HEAD = re.compile(r"# fails on: (?P<kernel>\S+) with (?P<mutant>\S+)\n")
SHAPE = parse_shape("smp=2")

each = pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)


def head(path: Path) -> re.Match[str]:
    found = HEAD.match(path.read_text(encoding="utf-8"))
    assert found, f"{path.name} does not say on which kernel it fails"
    return found


def lowered(path, layout):
    missing = missing_operations(layout)
    return lower(read_scenario(path), Facts(layout, above_4g=layout.pae, missing=missing))


def run(path, guest):
    return guest.run(lowered(path, guest.layout)).judged.kind


@each
def test_a_found_program_names_the_kernel_on_which_it_fails(path):
    assert head(path)["mutant"] in MUTANTS
    assert path.stem == f"found-{head(path)['mutant'].rpartition('/')[2]}"


@each
def test_a_correct_kernel_may_do_what_a_found_program_asks(path):
    guest = ModelGuest(LOCAL, lowered(path, LOCAL))
    judge = guest.judge()
    assert [judge.step(step) for step in guest.steps()] == [None] * len(guest.program.operations)
    assert judge.end(End(len(guest.program.operations))).verdict is Verdict.AGREE


@pytest.mark.guest
def test_a_correct_kernel_passes(tmp_path):
    prepared = prepare("debian-6.1-686-pae", None, Quiet())
    machine = usual_machine(SHAPE, prepared.kernel)
    bugs = load_known_bugs(None, date.today())
    with FuzzedGuest(prepared, machine, bugs, tmp_path) as guest:
        kinds = {path.stem: run(path, guest) for path in FOUND}
    assert set(kinds.values()) == {CheckedKind.AGREE}, kinds


@pytest.mark.guest
@pytest.mark.nightly
def test_the_kernel_that_it_names_fails(tmp_path):
    bugs, passed = load_known_bugs(None, date.today()), []
    paths = [path for path in FOUND if head(path)["kernel"] == "6.1-pae"]
    mutants = {path: MUTANTS[head(path)["mutant"]] for path in paths}
    cache = Cache.default()
    with cache.locked("mutants-6.1-pae"):
        tree = open_shared_tree(recipes()["6.1-pae"], cache, Quiet())
        board = all_in_one(tree, tuple(mutants.values()))
        machine = usual_machine(SHAPE, board.prepared.kernel)
        for path, mutant in mutants.items():
            launch = board.launch(mutant)
            with FuzzedGuest(board.prepared, machine, bugs, tmp_path, launch=launch) as guest:
                if run(path, guest) not in (CheckedKind.CONTRACT, CheckedKind.BEHAVIOUR):
                    passed.append(path.stem)
    assert passed == []
