"""Rules that a program keeps so that a guest survives it; broken ones are found before any boot.

What is checked: an atomic section (kmap_atomic, irqs or preemption off, an interrupt) is
closed, does not sleep, and no task of the same CPU comes between its steps; every
register is set before it is used; kunmap never outnumbers kmap; windows are left in the
order opposite to entering and never overflow.  What wrecks a kernel on purpose says
``requires: throwaway`` and is free of the last two.
"""

from collections.abc import Iterator, Sequence

from harness.model.records.layout import Layout
from harness.scenario.program import Program
from harness.scenario.rule_checker import RuleChecker
from harness.scenario.scenario_error import ScenarioError, SourcePlace


def check_rules(
    program: Program,
    layout: Layout,
    places: Sequence[SourcePlace] = (),
    sections: Sequence[tuple[int, int, SourcePlace]] = (),
) -> None:
    """Check *program*; *sections* are the ``atomic`` blocks as (first step, step after, place).

    Raises ScenarioError at the first operation that breaks a rule.
    """
    for error in breaches(program, layout, places, sections):
        raise error


def breaches(
    program: Program,
    layout: Layout,
    places: Sequence[SourcePlace] = (),
    sections: Sequence[tuple[int, int, SourcePlace]] = (),
) -> Iterator[ScenarioError]:
    """Every breach of a rule by *program*; operations that break one count as left out."""
    checker = RuleChecker(program, layout, places)
    starts = {start: where for start, _, where in sections}
    ends = {end for _, end, _ in sections}
    for step, operation in enumerate(program.operations):
        try:
            checker.boundary(step, starts.get(step), step in ends)
            checker.step(step, operation)
        except ScenarioError as error:
            yield error
            checker.left_out(step, operation)
    try:
        checker.boundary(len(program.operations), None, len(program.operations) in ends)
        checker.finish()
    except ScenarioError as error:
        yield error
