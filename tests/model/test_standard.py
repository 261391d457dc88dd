"""The standard machines are explored completely and keep the contract; typed models that break
are found.
"""

from dataclasses import replace

import pytest

from harness.model.fast.fast_path import plain
from harness.model.rules import typed
from harness.model.search.explorer import explore
from harness.model.search.standard_machines import MACHINES

SMALL = {
    "tiny",
    "local-pfn",
    "stack",
    "stack-debug",
    "typed",
    "typed-debug",
    "local-kmap",
    "stack-kmap",
}
BY_NAME = {one.name: one for one in MACHINES}


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(SMALL))
def test_standard_machine_is_clean_and_complete(name):
    standard = BY_NAME[name]
    found = explore(standard.machine, standard.limits, fast_path=plain)
    assert found.failure is None
    assert found.complete
    assert found.rules


def shifted_table(d):
    layout = d.machine.layout
    return layout.window_index(d.task.cpu, d.op.value + 1)


def no_cpu(d):
    return d.machine.layout.fix_kmap_begin + d.op.value


def keep(d):
    d.rule = "typed.unmap"
    d.pte_address = d.address()
    d.invlpg(d.pte_address)
    d.task = d.task._replace(preempt=d.task.preempt - 1)


def no_flush(d):
    d.rule = "typed.unmap"
    d.pte_address = d.address()
    d.set_window(d.machine.layout.fixindex(d.pte_address), 0)
    d.task = d.task._replace(preempt=d.task.preempt - 1)


@pytest.mark.long
@pytest.mark.parametrize(
    ("function", "broken"),
    [
        ("type_index", shifted_table),
        ("type_index", no_cpu),
        ("kunmap_atomic", keep),
        ("kunmap_atomic", no_flush),
    ],
    ids=["wrong-table", "no-cpu", "no-clear", "no-invlpg"],
)
def test_broken_typed_model_is_found(function, broken, monkeypatch):
    monkeypatch.setattr(typed, function, broken)
    if function == "kunmap_atomic":
        from harness.model.records.layout import Generation  # noqa: PLC0415
        from harness.model.records.operation import OpCode  # noqa: PLC0415
        from harness.model.rules import step  # noqa: PLC0415

        monkeypatch.setitem(step.RULES[Generation.TYPED], OpCode.KUNMAP_ATOMIC, broken)
    standard = BY_NAME["typed"]
    found = explore(standard.machine, replace(standard.limits, states=2000))
    assert found.failure is not None
