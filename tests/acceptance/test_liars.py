"""Three witnesses: a module that lies and a model that is wrong are each found to stand alone."""

import shutil
from dataclasses import replace

import pytest

from harness.base import project
from harness.compare import judge
from harness.compare.divergence import Layer, Verdict
from harness.kernel.build import build_module
from harness.model.records.operation import OpCode
from harness.model.rules import pkmap
from harness.model.rules.step import step
from harness.run.replay import replay

from .bench import FIRST, judged, summary_of, written

pytestmark = pytest.mark.guest


def lying_module(stock, folder, old, new):
    """The module with one line of address.c changed, built for the stock kernel."""
    sources = folder / "kmod"
    shutil.copytree(project.MODULE_SOURCES, sources)
    text = (sources / "address.c").read_text()
    assert text.count(old) == 1
    (sources / "address.c").write_text(text.replace(old, new))
    return replace(stock, module=build_module(stock.kernel, sources))


@pytest.mark.thirds
@pytest.mark.parametrize("wrong", ["^ 0x40000000", "^ 0x4"], ids=["wrong frame", "wrong flag"])
def test_a_module_that_reports_a_wrong_pte_stands_alone(stock, tmp_path, wrong):
    old = "return ptep ? kmh_pte_read(ptep) : 0;"
    liar = lying_module(stock, tmp_path, old, f"return ptep ? kmh_pte_read(ptep) {wrong} : 0;")
    result = judged(liar, tmp_path / "out", written(tmp_path, FIRST))
    first = result.divergences[0]
    assert (result.verdict, result.exit_code) == (Verdict.DIVERGE, 1)
    assert (first.step, first.operation.code, first.fields) == (0, OpCode.KMAP, ("pte",))
    assert {one.odd for one in first.witnesses} == {"module"}, summary_of(result)
    assert "module stands alone" in summary_of(result)


def test_a_model_with_the_cursor_off_by_one_stands_alone(stock_trace, monkeypatch):
    """Judged again from a real kernel's trace: the kernel is right, the model is not."""
    honest = pkmap.find_slot

    def off_by_one(draft, *rest):
        draft.state = draft.state.with_cursor(draft.state.cursor + 1)
        return honest(draft, *rest)

    monkeypatch.setattr(pkmap, "find_slot", off_by_one)
    monkeypatch.setattr(judge, "allowed", step)
    result = replay(stock_trace)
    first = result.divergences[0]
    assert result.verdict is Verdict.DIVERGE
    assert (first.step, first.operation.code, first.layer) == (0, OpCode.KMAP, Layer.BEHAVIOUR)
    assert {"cursor", "value", "slots"} <= set(first.fields)
    assert {one.odd for one in first.witnesses} == {"model"}, summary_of(result)
