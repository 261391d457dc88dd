"""Scenarios of any text, and those of the project with something wrong in them."""

from pathlib import Path

import pytest
from hypothesis import strategies as st

from harness.base import project
from harness.scenario import lowering
from harness.scenario.facts import Facts
from harness.scenario.lowering import lower
from harness.scenario.operand_parser import ASSERTED_FIELDS, STATUS_WORDS
from harness.scenario.program import Program
from harness.scenario.program_text import program_text
from harness.scenario.scenario_parser import parse_scenario, read_scenario
from harness.scenario.vocabulary import CONTEXTS, KIND_OF_WORD, PAGE_KINDS, PROTS, TRIGGERS
from tests.compare.model_guest import LOCAL, SMALL, STACK

from .fuzzing import NUMBERS, clean, fuzz, mutated

FACTS = (
    Facts(LOCAL, above_4g=True, throwaway=True),
    Facts(SMALL),
    Facts(STACK, throwaway=True),
)
TEXTS = [path.read_text() for path in sorted(project.SCENARIOS.glob("*.kmap"))]
HEAD = "title: t\ntasks: a@0 b@1 w[2]@any\npages: high 4, low 1, colliding 2\n"
WORDS = [
    *KIND_OF_WORD, *TRIGGERS, *CONTEXTS, *PAGE_KINDS, *PROTS, *STATUS_WORDS, *ASSERTED_FIELDS,
    "atomic", "for", "in", "down", "i", "start", "none", "present", "skip", "online", "offline",
    "m0", "m[i]", "h0", "h[i]", "l0", "c1", "x0", "w[1]", "b", "a:", "b:", "fixmap(", "pkmap(",
    "direct(", "absolute(", ")", "[", "]", "{", "}", ";", "\n", "->", "..", "=", "+", "-", "*",
    "/", "%", ",", "@", "!", "N", "M", "CPUS", "KM_USER0", "08", "0x", "#", "\f", "tasks:",
    "pages:", "requires:", "title:", "op", "smp>=", "generation=", "throwaway", "fresh",
]  # fmt: skip


@pytest.fixture(autouse=True)
def short(monkeypatch):
    """Programs that are not long: unrolling them takes the most time."""
    monkeypatch.setattr(lowering, "OPERATIONS_MOST", 3000)


def read(text):
    def action():
        scenario = parse_scenario(text, "x.kmap")
        for facts in FACTS:
            found = lower(scenario, facts)
            if isinstance(found, Program):
                again = lower(parse_scenario(program_text(found)), facts)
                assert len(again.operations) == len(found.operations)

    error = clean(action)
    if error:
        assert error.message.startswith("x.kmap:"), error.message


def words():
    number = NUMBERS.map(lambda value: f"{value:#x}" if abs(value) > 1 << 70 else str(value))
    return st.one_of(st.sampled_from(WORDS), number)


def lines():
    """Lines that begin as operations do."""
    begin = st.sampled_from(("a: ", "b: m1 = ", "a: m0 = kmap h0\na: ", "for i in 0..3 { a: "))
    rest = st.lists(words(), max_size=8).map(" ".join)
    return st.lists(st.tuples(begin, rest).map("".join), max_size=8).map("\n".join)


def test_any_text():
    fuzz(read, st.text())


def test_words_of_the_language_in_any_order():
    fuzz(read, st.lists(words(), max_size=40).map(" ".join))


def test_lines_that_begin_well():
    fuzz(read, lines().map(lambda text: HEAD + text))


def test_our_scenarios_with_something_wrong():
    fuzz(read, mutated(st.sampled_from(TEXTS), st.sampled_from(WORDS)))


def test_files_of_any_bytes(tmp_path):
    path: Path = tmp_path / "x.kmap"

    def check(content):
        path.write_bytes(content)
        clean(lambda: read_scenario(path))

    fuzz(check, st.binary() | mutated(st.sampled_from([text.encode() for text in TEXTS])))
