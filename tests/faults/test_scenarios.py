"""Scenarios that are no scenarios, or too big: file, line, column and a remedy, and exit 2."""

import pytest

from harness.errors import UsageError
from harness.run.programs import Plan
from harness.run.throwaway import require_permission
from harness.scenario.facts import Facts
from harness.scenario.limits import FILE_MOST, OPERATIONS_MOST
from harness.scenario.lowering import lower
from harness.scenario.scenario_error import ScenarioError
from harness.scenario.scenario_parser import parse_scenario, read_scenario
from tests.compare.model_guest import LOCAL, SMALL

HEAD = "title: x\ntasks: a@0 b@1\npages: high 3, low 1\na: m0 = kmap h0\n"


def lowered(text):
    return lower(parse_scenario(text, "x.kmap"), Facts(LOCAL))


def refused(text, place, words):
    with pytest.raises(ScenarioError) as raised:
        lowered(text)
    assert raised.value.message.startswith(f"x.kmap:{place}: ")
    assert words in str(raised.value)
    assert raised.value.hint
    assert len(raised.value.message) < 300
    return raised.value


NESTED = "for i in 0..1 { " * 3000 + "a: nop" + " }" * 3000


@pytest.mark.parametrize(
    ("line", "column", "words"),
    [
        ("a: read m0+08", 12, "a number that begins with 0: '08'"),
        ("a: read m0+00", 12, "a number that begins with 0"),
        ("a: read m0\f", 11, "the character U+000C separates no words here"),
        ("a: read\u00a0m0", 8, "the character U+00A0"),
        ("a: read m0 \v", 12, "the character U+000B"),
        ("a: read m0 \N{SNOWMAN}" + "x" * 500, 12, "not a word of the language"),
        (NESTED, 527, "more than 32 blocks within each other"),
        ("a: " + "atomic { " * 3000, 299, "more than 32 blocks within each other"),
        ("a: read m0+" + "(" * 5000 + "1" + ")" * 5000, 76, "more than 64 numbers"),
        ("a: read m0+" + "-" * 5000 + "1", 76, "more than 64 numbers"),
        ("a: read m0+1" + "+1" * 5000, 140, "more than 64 numbers"),
        ("a: read m0+1" + "*3" * 5000, 140, "more than 64 numbers"),
        ("a: read m0+" + "9" * 5000, 12, "a number beyond 32 bits"),
        ("a: read m0+0x" + "f" * 5000, 12, "a number beyond 32 bits"),
        ("a: read m" + "9" * 5000, 9, "a number beyond 32 bits"),
        ("a: page_address h" + "9" * 5000, 17, "a number beyond 32 bits"),
        ("a: read m0+99999999999999", 12, "a number beyond 32 bits"),
        ("a: read m0 -> count 99999999999999999999999999", 21, "a number beyond 32 bits"),
        ("a: read m0 -> value 65536*65536", 15, "an expectation beyond 32 bits"),
        ("a: read m0+65536*65536", 4, "an offset beyond 32 bits"),
        ("a: read m0-65536*65536", 4, "an offset beyond 32 bits"),
        ("a: read absolute(65536*65536)", 4, "an offset beyond 32 bits"),
        ("a: write m0 65536*65536", 4, "a value beyond 32 bits"),
        ("a: write m0 0-65536*32769", 4, "a value beyond 32 bits"),
        ("a: sleep 4294967296", 10, "a number beyond 32 bits"),
        ("a: sleep 0-5", 4, "the number out of range: '-5'"),
        ("a: migrate -1", 4, "the number out of range: '-1'"),
        ("a: read m[0-1]", 4, "no such register: 'm-1'"),
        ("a: read m4096", 4, "no such register"),
        ("a: read fixmap(65536)", 4, "the index out of range: '65536'"),
        ("a: read pkmap(0-1)", 4, "the index out of range: '-1'"),
        ("a: page_address h[0-1]", 17, "the number of a page out of range"),
        ("a: page_address h3", 17, "no such page: 'h3'"),
        ("a: affinity b 256", 4, "the CPU out of range: '256'"),
        ("a: cpu 256 offline", 4, "the CPU out of range"),
        ("a: interrupt map+1 hardirq h0 300", 4, "the number of pages out of range: '300'"),
        ("a: interrupt map+1 hardirq h0 0", 4, "the number of pages out of range: '0'"),
        ("a: interrupt map+1 hardirq h0 1 skip 256", 4, "the skip out of range"),
        ("a: interrupt map+1 hardirq h2 3", 4, "the interrupt maps 3 pages, and 2 are there"),
        ("a: interrupt map+0-1 hardirq h0 1", 4, "the instant out of range"),
        ("for i in 0..999999999 { a: read m0 }", 1, f"longer than {OPERATIONS_MOST} operations"),
        ("for i in 999999999..0 down { a: read m0 }", 1, "longer than"),
        ("for i in 0..65536*65536*65536 { a: read m0 }", 1, "longer than"),
        ("for i in 0..9999 { for j in 0..9999 { for k in 1..0 { a: nop } } }", 20, "longer than"),
        ("for i in 0..9999 { for j in 0..9999 { a: nop } }", 42, "longer than"),
        ("b[65536]: nop", 1, "the number of a task out of range"),
        ("a: read m0 % 0", 12, "expected the end of the line"),
        ("a: read m0+1%0", 13, "division by zero"),
    ],
)  # fmt: skip
def test_a_line_that_cannot_be(line, column, words):
    refused(f"{HEAD}{line}\n", f"5:{column}", words)


@pytest.mark.parametrize(
    ("head", "place", "words"),
    [
        ("pages: high 0", "1:8", "the number of pages out of range: '0'"),
        ("pages: high 65535", "1:8", "the number of pages out of range: '65535'"),
        ("pages: high 40000, low 40000", "1:20", "the number of pages is 1 to 25534"),
        ("tasks: w[999999999]@0", "1:8", "too many tasks"),
        ("tasks: a@0 a@1", "1:12", "this task is declared twice"),
        ("tasks: a@" + "9" * 5000, "1:10", "a number beyond 32 bits"),
        ("requires: smp>=" + "9" * 5000, "1:16", "a number beyond 32 bits"),
        ("requires: smp>=", "1:16", "expected a number or a name"),
        ("tasks: a@0 \f", "1:12", "the character U+000C"),
    ],
)
def test_a_head_that_cannot_be(head, place, words):
    refused(f"{head}\na: nop\n", place, words)


def test_numbers_up_to_32_bits_are_what_they_were():
    program = lowered(HEAD + "a: write m0+0xfffffffc 4294967295\na: write m0-4 0-1\na: nop\n")
    assert program.operations[1][3:] == program.operations[2][3:]
    assert (program.operations[1].offset, program.operations[1].value) == (-4, 0xFFFF_FFFF)
    assert lowered(HEAD + "a: read absolute(0xc0000000)\n").operations[1].offset == -(1 << 30)


def test_a_long_scenario_within_the_bounds():
    text = HEAD + "for i in 0..99999 { a: read m0 }\n"
    assert len(lower(parse_scenario(text), Facts(SMALL)).operations) == 100_001


@pytest.mark.parametrize("name", ["offset-overflow", "expect-huge"])
def test_cases_that_were_internal_errors(command, tmp_path, name):
    text = {
        "offset-overflow": "a: read m0+99999999999999",
        "expect-huge": "a: m0 = kmap h0 -> count 99999999999999999999999999",
    }[name]
    (tmp_path / "x.kmap").write_text(f"tasks: a@0\npages: high 1\na: m0 = kmap h0\n{text}\n")
    end = command("run", "--scenario", "x.kmap").ended()
    assert (end.code, end.out) == (2, "")
    assert "x.kmap:4:" in end.err
    assert "a number beyond 32 bits" in end.err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("what", ["binary", "utf-16", "folder", "huge", "empty", "comment"])
def test_a_file_that_is_no_scenario(tmp_path, what):
    path = tmp_path / "x.kmap"
    content = {
        "binary": bytes(range(256)),
        "utf-16": HEAD.encode("utf-16"),
        "huge": b"#" * (FILE_MOST + 1),
        "empty": b"",
        "comment": b"# nothing\n\n",
    }
    path.mkdir() if what == "folder" else path.write_bytes(content[what])
    with pytest.raises(UsageError, match=r"x\.kmap") as raised:
        read_scenario(path)
    assert raised.value.hint


WRECKS = "requires: pkmap, throwaway\ntasks: a@0\npages: high 1\na: kunmap h0\n"


def test_a_scenario_that_wrecks_a_kernel_names_the_option(command, tmp_path):
    """It booted a guest, and then it was a failure of the harness."""
    (tmp_path / "x.kmap").write_text(WRECKS)
    end = command("run", "--scenario", "x.kmap", "--scenario", "x.kmap").ended()
    assert (end.code, end.out) == (2, "")
    assert "x.kmap:1:18: this scenario leaves a wrecked kernel behind, and so do 1 more" in end.err
    assert "hint: add --throwaway" in end.err


def test_scenarios_beside_it_run_and_it_is_left_out():
    wrecks, other = parse_scenario(WRECKS), parse_scenario(HEAD)
    require_permission(Plan((wrecks, other), 1, 0), throwaway=False)
    require_permission(Plan((wrecks,), 1, 100), throwaway=False)
    require_permission(Plan((wrecks,), 1, 0), throwaway=True)
    require_permission(Plan((), 1, 100), throwaway=False)
    with pytest.raises(UsageError):
        require_permission(Plan((wrecks,), 1, 0), throwaway=False)
    assert lower(wrecks, Facts(LOCAL)).reason == "requires throwaway: add --throwaway"
