"""A model that is wrong in one rule is noticed on a correct kernel, by fuzzed programs alone.

The kernel is the right model itself, so that nothing depends on a guest.  Ids are those of the
broken models that exploration finds (tests/model/test_mutants.py).
"""

from functools import cache

import pytest

from harness.compare import judge as compare
from harness.compare.divergence import Layer
from harness.fuzz.program_source import ProgramSource
from harness.model.records.layout import Generation
from harness.model.rules.step import step
from harness.scenario.facts import Facts
from tests.compare.model_guest import LOCAL, STACK, ModelGuest
from tests.model.test_mutants import MUTANTS

PROGRAMS = 14
SEED = 5
NOT_NOTICED = {
    "A9": "an entry that is not none is put there by hand",
    "A10a": "one mapping too many wrecks the kernel",
    "A11": "leaving a window in the wrong order breaks a rule of the interface",
    "A12": "as A11",
    "held-forgotten": "no fuzzed task keeps the CPU of a waiter that is woken",
    "A14b": "it needs the deepest mapping of the last CPU that the kernel is built for",
}
"""Broken rules that no fuzzed program shows, and why."""

pytestmark = pytest.mark.long


@cache
def recorded(generation):
    """Programs, and what the right model answers."""
    layout = STACK if generation is Generation.STACK else LOCAL
    source = ProgramSource(Facts(layout), SEED)
    guests = [ModelGuest(layout, source.next().program, seed=1) for _ in range(PROGRAMS)]
    return [(guest, tuple(guest.steps())) for guest in guests]


def noticed(generation):
    """Whether the model, as it is now, contradicts a record; an error of its own counts, too."""
    for guest, records in recorded(generation):
        judge = guest.judge()
        for record in records:
            try:
                found = judge.step(record)
            except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError):
                return True
            if found and found.layer is not Layer.KNOWN:
                return True
    return False


@pytest.fixture
def rules_only(monkeypatch):
    """The fast path says what it says without the rules."""
    monkeypatch.setattr(compare, "allowed", step)


@pytest.mark.parametrize("generation", [Generation.LOCAL, Generation.STACK])
@pytest.mark.usefixtures("rules_only")
def test_the_right_model_is_not_noticed(generation):
    assert not noticed(generation)


@pytest.mark.parametrize("name", MUTANTS)
@pytest.mark.usefixtures("rules_only")
def test_a_broken_rule_is_noticed(name, monkeypatch):
    module, function, broken, (machine, _) = MUTANTS[name]
    recorded(machine.layout.generation)
    monkeypatch.setattr(module, function, broken)
    assert noticed(machine.layout.generation) is (name not in NOT_NOTICED)
