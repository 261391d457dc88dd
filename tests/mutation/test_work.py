"""Mutants that imports alone call, and children in which the tool itself fails."""

import os

import pytest

from tests.mutation import suite
from tests.mutation.operators import Source
from tests.mutation.record import Results
from tests.mutation.suite import Measured, Verdict
from tests.mutation.work import Job, code_of

TEXT = """
def called(n):
    return n + 1


TABLE = (called(1),)
"""


def mutant(change):
    source = Source("m", TEXT)
    return source, next(one for one in source.mutants if one.change == change)


def test_a_whole_module_has_the_mutant_of_a_function():
    source, plus = mutant("n + 1 -> n - 1")
    found = {}
    exec(source.broken(plus, whole=True), found)
    assert found["TABLE"] == (0,)
    assert code_of("called", source.broken(plus)).co_name == "called"


def test_a_function_lives_if_a_test_calls_it(tmp_path, monkeypatch):
    monkeypatch.setattr("tests.mutation.record.FOLDER", tmp_path)
    source, plus = mutant("n + 1 -> n - 1")
    job = Job({"m": source}, [plus], Results(fresh=True))
    assert not job.lives(plus)
    job.measured["tests/test_m.py::test"] = Measured(0.1, frozenset({"m.called"}))
    assert job.lives(plus)


def ended(status, told=b""):
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.write(writer, told)
        os._exit(status)
    os.close(writer)
    return suite.wait(child, reader)


def test_how_a_child_ends():
    assert ended(0, b"a::b\n") == Verdict("survived")
    assert ended(1, b"a::b\na::c\n") == Verdict("killed", "a::c")
    assert ended(1) == Verdict("killed", "collection")
    with pytest.raises(RuntimeError, match="itself"):
        ended(suite.BROKEN)
