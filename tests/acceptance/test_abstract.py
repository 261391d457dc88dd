"""Abstract programs find bugs in the C code of the typed window, by data and by contract."""

import shutil

import pytest

from harness.base import project
from harness.base.progress import Quiet
from harness.base.stopwatch import Stopwatch
from harness.compare.divergence import Layer, Verdict
from harness.guest.shape import Shape
from harness.run.main_job import judge
from harness.run.prepare import prepare
from harness.run.programs import read_plan
from harness.run.run_request import RunRequest
from tests.acceptance.test_typed_window import BUGS

pytestmark = pytest.mark.guest

KERNEL = "debian-6.1-686-pae"
STEPS = 2000
FOUND = {"no INVLPG (A7)": "data", "no CPU term (A1)": "typed-place"}


def run(tmp_path, sources):
    prepared = prepare(KERNEL, None, Quiet(), sources=sources)
    plan = read_plan((), 1, 0, STEPS)
    return judge(prepared, RunRequest(KERNEL, None, Shape(), plan, tmp_path), Quiet(), Stopwatch())


@pytest.mark.thirds
@pytest.mark.parametrize("name", FOUND)
def test_a_bug_in_the_typed_window_is_found_by_the_abstract_programs(name, tmp_path):
    sources = tmp_path / "kmod"
    shutil.copytree(project.MODULE_SOURCES, sources)
    text = (sources / "typed.c").read_text()
    (sources / "typed.c").write_text(text.replace(BUGS[name].line, BUGS[name].becomes))
    result = run(tmp_path, sources)
    assert result.verdict is Verdict.DIVERGE
    first = next(one for one in result.divergences if one.layer is Layer.CONTRACT)
    assert "-typed-2.6." in first.program
    assert first.reasons[0].split(":")[0] == FOUND[name]
    own = [one for one in result.programs if one.name.endswith("-local")]
    assert own
    assert not any(one.result.divergences for one in own)


def test_the_same_programs_agree_where_nothing_is_broken(tmp_path):
    result = run(tmp_path, project.MODULE_SOURCES)
    assert result.verdict is Verdict.AGREE
    kinds = {
        one.name.split("-", 3)[-1] for one in result.programs if one.name.startswith("abstract")
    }
    assert kinds == {"local", "typed-2.6.24", "typed-2.6.32"}
