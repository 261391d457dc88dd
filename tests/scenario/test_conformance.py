"""The conformance scenarios: each applies to some machine, and the model meets it."""

from pathlib import Path

import pytest

from harness.compare.divergence import Verdict
from harness.model.records.interrupt import Trigger
from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.program import NotApplicable
from harness.scenario.scenario_parser import read_scenario
from harness.trace.trace_records import End
from tests.compare.model_guest import LOCAL, STACK, ModelGuest

SCENARIOS = sorted((Path(__file__).parent.parent / "scenarios").glob("*.kmap"))
GUARDS = LOCAL._replace(
    debug_kmap_local=True, window=33, fix_kmap_end=LOCAL.fix_kmap_begin + 33 * 32 - 1
)
DEBUG = GUARDS._replace(debug_highmem=True, force_map=True, debug_atomic_sleep=True)
STACK_DEBUG = STACK._replace(
    debug_highmem=True,
    debug_atomic_sleep=True,
    preempt_count=True,
    window=41,
    fix_kmap_end=STACK.fix_kmap_begin + 41 * 32 - 1,
)
LAYOUTS = {
    "local": LOCAL._replace(last_pkmap=16),
    "local-7.3": LOCAL._replace(last_pkmap=16, helpers=0xFF7FF),
    "one-cpu": LOCAL._replace(last_pkmap=16, online_cpus=1),
    "rt": LOCAL._replace(last_pkmap=16, rt=True),
    "guards": GUARDS._replace(last_pkmap=16),
    "debug": DEBUG._replace(last_pkmap=16),
    "debug-one-cpu": DEBUG._replace(last_pkmap=16, online_cpus=1),
    "stack": STACK._replace(last_pkmap=16, online_cpus=4),
    "stack-debug": STACK_DEBUG._replace(last_pkmap=16),
}


FUNCTIONS_OF_40 = tuple(40 for trigger in Trigger if trigger >= Trigger.MAP)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_model_bears_out_what_scenarios_expect(path, layout):
    program = lower(read_scenario(path), Facts(layout, above_4g=layout.pae, throwaway=True))
    if isinstance(program, NotApplicable):
        assert program.reason
        return
    guest = ModelGuest(layout, program, cursor=4)
    judge = guest.judge()
    for step in guest.steps():
        assert judge.step(step) is None
    result = judge.end(End(len(program.operations)))
    assert result.failed_assertions == []
    assert result.verdict is Verdict.AGREE


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_says_why_it_exists_and_applies_somewhere(path):
    scenario = read_scenario(path)
    assert path.read_text().startswith("# ")
    assert scenario.title
    layouts = [one._replace(instructions=FUNCTIONS_OF_40) for one in LAYOUTS.values()]
    facts = [Facts(layout, above_4g=layout.pae, throwaway=True) for layout in layouts]
    assert any(not isinstance(lower(scenario, fact), NotApplicable) for fact in facts)
