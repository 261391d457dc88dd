import pytest

from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.scenario_error import ScenarioError
from harness.scenario.scenario_parser import parse_scenario
from tests.compare.model_guest import LOCAL, STACK

HEAD = "tasks: a@0 b@0 c@1\npages: high 20, low 1\n"
MAP = "m0 = kmap_atomic h0"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (f"a: {MAP}\n", "atomic section of task a is not closed"),
        (
            f"a: {MAP}\nb: nop\na: kunmap_atomic m0\n",
            "comes between the steps of an atomic section of task a",
        ),
        ("a: irq_off\nb: nop\na: irq_on\n", "comes between"),
        (f"a: {MAP}\na: sleep 10\na: kunmap_atomic m0\n", "sleeps in an atomic section"),
        (f"a: {MAP}\na: m1 = kmap h1\na: kunmap_atomic m0\n", "sleeps in an atomic section"),
        ("a: hardirq { flush_unused }\n", "sleeps in an atomic section"),
        (f"a: atomic {{ {MAP} }}\na: kunmap_atomic m0\n", "does not hold one closed section"),
        (f"a: hardirq {{ {MAP} }}\na: kunmap_atomic m0\n", "interrupt ends with something open"),
        (f"a: {MAP}\na: hardirq {{ kunmap_atomic m0 }}\n", "ends, in an interrupt"),
        ("a: hardirq { hardirq { nop } }\n", "interrupt within an interrupt"),
        ("a: irq_on\n", "ends a section that was not begun"),
        ("a: kunmap h0\n", "unmaps a page that is not mapped"),
        ("a: exit\na: nop\n", "has exited"),
        ("a: interrupt timer+500 hardirq h19 2\na: nop\n", "lowmem among the pages"),
        ("a: read direct(h0)\n", "only a lowmem page"),
        (
            "a: m0 = kmap_local_page h0\na: m1 = kmap_local_page h1\na: kunmap_local m0\n",
            "not the newest",
        ),
        ("a: m0 = kmap_local_page h0\na: kunmap_local m0+4096\n", "not the newest"),
        ("a: m0 = kmap_local_page h0\na: kunmap_local fixmap(FIX_KMAP_BEGIN)\n", "by number"),
        (
            "for i in 0..DEPTH { a: m[i] = kmap_local_page h[i] }\n",
            "more mappings than the window has slots",
        ),
    ],
)
def test_a_broken_rule_is_found_before_any_boot(body, problem):
    with pytest.raises(ScenarioError, match=problem):
        lower(parse_scenario(HEAD + body), Facts(LOCAL))


@pytest.mark.parametrize(
    "body",
    [
        f"a: {MAP}\nc: nop\na: kunmap_atomic m0\n",
        f"a: atomic {{ irq_off; {MAP}; kunmap_atomic m0+9; irq_on }}\n",
        "a: m0 = kmap_local_page l0\na: m1 = kmap_local_page h1\n"
        "a: kunmap_local m0\na: kunmap_local m1\n",
        "a: m0 = kmap_local_page h0\na: kunmap_local fixmap(FIX_KMAP_BEGIN-1)\n"
        "a: kunmap_local m0\n",
        "a: m0 = kmap h0\nb: kunmap h0\n",
    ],
)
def test_what_is_allowed_passes(body):
    assert lower(parse_scenario(HEAD + body), Facts(LOCAL)).operations


def test_throwaway_may_wreck_the_guest_but_not_forget_a_section():
    head = "requires: throwaway\n" + HEAD
    assert lower(parse_scenario(head + "a: kunmap h0\n"), Facts(LOCAL, throwaway=True))
    with pytest.raises(ScenarioError, match="not closed"):
        lower(parse_scenario(head + "a: irq_off\n"), Facts(LOCAL, throwaway=True))


def test_iomap_is_a_section_only_in_the_stack_generation():
    scenario = parse_scenario(HEAD + "a: m0 = iomap h0 rw\nb: nop\na: iounmap m0\n")
    assert lower(scenario, Facts(LOCAL))
    with pytest.raises(ScenarioError, match="comes between"):
        lower(scenario, Facts(STACK))


def test_a_helper_needs_entries_of_the_window():
    """A copy maps two pages on top of what the task holds."""
    maps = "for i in 0..DEPTH-2 { a: m[i] = kmap_local_page h0 }\n"
    unmaps = "for i in DEPTH-2..0 down { a: kunmap_local m[i] }\n"
    header = "title: t\ntasks: a@0\npages: high 2\n"
    facts = Facts(LOCAL)
    assert lower(parse_scenario(f"{header}{maps}a: clear_highpage h1\n{unmaps}"), facts)
    with pytest.raises(ScenarioError, match="more mappings than the window has slots"):
        lower(parse_scenario(f"{header}{maps}a: copy_highpage h1 h0\n{unmaps}"), facts)
