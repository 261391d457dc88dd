import pytest

from harness.model.records.operation import Base, OpCode, Operation, Prot
from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.program import NotApplicable
from harness.scenario.scenario_error import ScenarioError
from harness.scenario.scenario_parser import parse_scenario, read_scenario
from tests.compare.model_guest import LOCAL, STACK

HEAD = "tasks: a@0 b@1\npages: high 4, low 1\n"


def operations(body, layout=LOCAL, **facts):
    return lower(parse_scenario(HEAD + body), Facts(layout, **facts)).operations


def test_operands_become_the_fields_of_operations():
    body = "a: m3 = kmap h2\na: write m3+8 0x1234\na: kunmap_local fixmap(FIX_KMAP_BEGIN-1)+4\n"
    body += "a: set_pte m3 h1 ro\n"
    kmap, write, unmap, pte = operations(body)
    assert kmap == Operation(OpCode.KMAP, task=0, page=2, reg=3)
    assert write == Operation(OpCode.WRITE, reg=3, offset=8, value=0x1234)
    assert (unmap.base, unmap.reg, unmap.offset) == (Base.FIXMAP, 67, 4)
    assert (pte.page, pte.prot) == (1, Prot.RO)


def test_loops_count_up_and_down_and_know_the_guest():
    body = (
        "for i in 0..3 { a: m[i] = kmap h[i] }\n"
        "for i in 3..0 down { b: kunmap h[i] }\na: sleep N+M*2\n"
    )
    found = operations(body)
    assert [one.page for one in found[:8]] == [0, 1, 2, 3, 3, 2, 1, 0]
    assert [one.task for one in found[:8]] == [0, 0, 0, 0, 1, 1, 1, 1]
    assert found[8].value == 512 + 32


def test_a_block_of_an_interrupt_counts_its_operations():
    found = operations("a: hardirq { m0 = kmap_atomic h0; read m0\n kunmap_atomic m0 }\na: nop\n")
    assert (found[0].code, found[0].value) == (OpCode.HARDIRQ, 3)


def test_expectations_belong_to_their_step():
    program = lower(
        parse_scenario(HEAD + "a: nop\na: m0 = kmap h0 -> slot start+1, count 2\n"), Facts(LOCAL)
    )
    assert [(one.step, one.field, one.value, one.relative) for one in program.assertions] == [
        (1, "slot", 1, True),
        (1, "count", 2, False),
    ]


@pytest.mark.parametrize(
    ("text", "where", "problem", "hint"),
    [
        ("a: m0 = kmpa h0", "3:9", "unknown operation: 'kmpa'", "kmap"),
        ("a: kmap h0", "3:4", "must set a register", "m0 = kmap"),
        ("a: m0 = kunmap h0", "3:4", "must not set a register", "alone"),
        ("a: m0 = kmap q0", "3:14", "expected a page: 'q0'", "h0 (high)"),
        ("a: m0 = kmap h9", "3:14", "no such page: 'h9'", "high 10"),
        ("c: m0 = kmap h0", "3:1", "unknown task: 'c'", "a, b"),
        ("a: read m0", "3:4", "register m0 is not set before", "m0 = kmap"),
        ("a: m0 = kmap h[K]", "3:16", "unknown number: 'K'", "known here"),
        ("a: m9999 = kmap h0", "3:4", "no such register: 'm9999'", "m4095"),
        ("a: nop ~", "3:8", "not a word of the language: '~'", ""),
        ("a: atomic { nop", "3:11", "this block is not closed", "add '}'"),
        ("a: nop -> blokced", "3:11", "expected what should be seen", "blocked"),
        ("requires: pea\na: nop", "3:11", "unknown requirement: 'pea'", "pae"),
        ("pages: high 3\na: nop", "3:8", "asked for twice", ""),
        ("a: hardirq { }", "3:4", "this block is empty", ""),
        ("a: nop nop", "3:8", "expected the end of the line: 'nop'", ""),
        ("a: sleep 1/0", "3:11", "division by zero", ""),
    ],
)
def test_an_error_names_place_text_and_remedy(text, where, problem, hint):
    with pytest.raises(ScenarioError) as caught:
        lower(parse_scenario(HEAD + text, "x.kmap"), Facts(LOCAL))
    assert caught.value.message.startswith(f"x.kmap:{where}: ")
    assert problem in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize("text", ["", "# only a comment\n", "title: nothing\ntasks: a@0\n"])
def test_an_empty_scenario_is_an_error(text):
    with pytest.raises(ScenarioError, match="empty"):
        parse_scenario(text)


def test_loops_that_run_no_time_are_an_empty_scenario():
    with pytest.raises(ScenarioError, match="empty"):
        operations("for i in 1..0 { a: nop }\n")


@pytest.mark.parametrize(
    ("requires", "layout", "reason"),
    [
        ("generation=stack", LOCAL, "requires generation=stack; this guest has generation=local"),
        (
            "op kmap_local_page",
            STACK,
            "requires op kmap_local_page; this guest has no kmap_local_page",
        ),
        ("smp>=4", LOCAL, "requires smp>=4; this guest has smp=2"),
        ("!pae", LOCAL, "requires !pae; this guest has pae"),
        ("above4g", LOCAL, "requires above4g; this guest has no above4g"),
        ("throwaway", LOCAL, "requires throwaway: add --throwaway"),
    ],
)
def test_unmet_requirements_are_not_applicable_with_the_reason(requires, layout, reason):
    found = lower(parse_scenario(f"requires: {requires}\n{HEAD}a: nop\n", "s.kmap"), Facts(layout))
    assert found == NotApplicable("s", reason)


def test_met_requirements_apply():
    required = "pkmap, generation=local, smp>=2, !rt, op kmap_local_page, throwaway"
    text = f"requires: {required}\n{HEAD}a: nop\n"
    assert lower(parse_scenario(text), Facts(LOCAL, throwaway=True)).throwaway


def test_what_a_guest_lacks_is_not_applicable_without_being_said():
    few = LOCAL._replace(online_cpus=1)
    assert "wants CPU 1" in lower(parse_scenario(HEAD + "a: nop\n"), Facts(few)).reason
    local = parse_scenario(HEAD + "a: m0 = kmap_local_page h0\n")
    assert "does not have" in lower(local, Facts(STACK)).reason
    pfn = parse_scenario(HEAD + "a: m0 = kmap_atomic_pfn h0\na: kunmap_atomic m0\n")
    assert (
        "kmap_atomic_pfn"
        in lower(pfn, Facts(LOCAL, missing=frozenset({OpCode.KMAP_ATOMIC_PFN}))).reason
    )
    above = parse_scenario("tasks: a@0\npages: above4g 1\na: m0 = kmap x0\n")
    assert "4 GiB" in lower(above, Facts(LOCAL)).reason


def test_a_file_is_named_in_its_errors(tmp_path):
    path = tmp_path / "broken.kmap"
    path.write_text("a: frobnicate\n")
    with pytest.raises(ScenarioError, match=r"broken\.kmap:1:4"):
        read_scenario(path)
