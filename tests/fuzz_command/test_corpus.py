"""The corpus: what is kept, under which names, in which form, and how it comes back."""

import pytest

from harness.fuzz.corpus import FOUND, NEW, REACH, Corpus, minimise
from harness.fuzz.program_source import ProgramSource, Reaching
from harness.model.records.operation import OpCode
from harness.scenario.facts import Facts
from harness.scenario.scenario_error import ScenarioError
from tests.compare.model_guest import LOCAL, STACK
from tests.fuzz_command.test_campaign import FakeGuest

FACTS = Facts(LOCAL)


class ReachingGuest(FakeGuest):
    """What a program reaches is the set of its operations."""

    def __init__(self):
        super().__init__(lambda program: None)

    def run(self, program):
        return super().run(program)._replace(features=reached(program))


def reached(program):
    return frozenset(one.code.name for one in program.operations)


def drawn(seed, number=0):
    source = ProgramSource(FACTS, seed)
    return next(one.program for one in iter(source.next, None) if one.number == number)


def reaching(program, *features):
    return Reaching(program, frozenset(features))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_what_is_kept_comes_back(tmp_path):
    corpus, program = Corpus(tmp_path / "new"), drawn(1)
    corpus.keep_new([reaching(program, "one")])
    (back,) = corpus.programs(FACTS)
    assert (back.operations, back.tasks) == (program.operations, program.tasks)
    assert back.page_kinds == program.page_kinds


def test_names_follow_from_what_programs_do(tmp_path):
    one, two = Corpus(tmp_path / "one"), Corpus(tmp_path / "two")
    one.keep_new([reaching(drawn(1)), reaching(drawn(2))])
    two.keep_new([reaching(drawn(2)), reaching(drawn(1)), reaching(drawn(2))])
    assert len(names(one.folder)) == 2
    assert names(one.folder) == names(two.folder)


def test_a_program_is_put_in_its_smallest_form(tmp_path):
    corpus = Corpus(tmp_path)
    program = next(
        one for seed in range(99) if {"KMAP", "FLUSH_UNUSED"} <= reached(one := drawn(seed))
    )
    large = corpus.keep_new([reaching(program, "FLUSH_UNUSED", "never reached again")])
    assert minimise(corpus, large, ReachingGuest, lambda: False) == 1
    (small,) = corpus.programs(FACTS)
    assert small.name.startswith(REACH)
    assert len(small.operations) < len(program.operations) // 4
    assert OpCode.FLUSH_UNUSED in {one.code for one in small.operations}
    assert corpus.keep_new([reaching(small, "FLUSH_UNUSED")]) == ()


def test_what_is_not_reached_again_goes(tmp_path):
    corpus = Corpus(tmp_path)
    large = corpus.keep_new([reaching(drawn(1), "never reached again")])
    minimise(corpus, large, ReachingGuest, lambda: False)
    assert names(tmp_path) == []


def test_what_there_is_no_time_for_is_left_to_the_next_campaign(tmp_path):
    corpus = Corpus(tmp_path)
    large = corpus.keep_new([reaching(drawn(1), "NOP")])
    assert minimise(corpus, large, ReachingGuest, lambda: True) == 0
    (left,) = corpus.programs(FACTS)
    assert left.name.startswith(NEW)
    assert len(corpus.keep_new([reaching(left, "NOP")])) == 1
    assert len(names(tmp_path)) == 1


def test_found_failures_are_replayed_first(tmp_path):
    corpus = Corpus(tmp_path)
    corpus.keep_new([reaching(drawn(1), "NOP")])
    corpus.keep(drawn(2), FOUND)
    first, _ = corpus.programs(FACTS)
    assert first.operations == drawn(2).operations


def test_what_another_kernel_cannot_run_is_left_out(tmp_path):
    corpus = Corpus(tmp_path)
    program = next(one for seed in range(99) if "KMAP_LOCAL" in reached(one := drawn(seed)))
    corpus.keep_new([reaching(program, "KMAP_LOCAL")])
    assert list(corpus.programs(Facts(STACK))) == []


def test_a_file_that_is_no_scenario_is_refused(tmp_path):
    (tmp_path / "mine.kmap").write_text("nonsense\n")
    with pytest.raises(ScenarioError, match=r"mine\.kmap:1:9"):
        list(Corpus(tmp_path).programs(FACTS))
