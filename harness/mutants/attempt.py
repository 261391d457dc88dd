"""One mutant tried on one kernel: built, run, and what was found of it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness import project
from harness.guest.shape import Shape
from harness.kernel.build import BuildError
from harness.kernel.progress import Quiet
from harness.mutants.catalogue import Kind, Mutant
from harness.mutants.edit import mutated, replace_file
from harness.mutants.field import Field
from harness.mutants.operators import FILE, PARAMETER, OperatorMutant, schemata
from harness.mutants.score import Attempt, Found, found_in
from harness.run.job import Request, Stopwatch, judge
from harness.run.prepare import Prepared
from harness.run.programs import Plan, read_plan
from harness.run.result import RunResult


def attempt(mutant: Mutant, field: Field, plan: Plan, shape: Shape, out: Path) -> Attempt:
    """Build the kernel with the mutant in it and run *plan*; where that finds nothing, what the mutant needs.

    Raises PatchError where the patch does not apply; a kernel that does not build is an error of the attempt.
    """
    started = time.monotonic()
    with mutated(mutant, field.tree.source) as edit:
        try:
            prepared = field.rebuilt(Quiet())
        except BuildError as error:
            return Attempt(mutant, Found.ERROR, "build", error.message, edit.diff)
        built = time.monotonic()
        found, where, what = _worst(_results(mutant, prepared, plan, Request("", None, shape, plan, out)))
    seconds = built - started, time.monotonic() - built
    return Attempt(mutant, found, where, what, edit.diff, *seconds)


def attempt_operator(
    mutant: OperatorMutant, prepared: Prepared, plan: Plan, shape: Shape, out: Path
) -> Attempt:
    """Boot the kernel that has all operator mutants with this one switched on, and run *plan*."""
    started = time.monotonic()
    shape = replace(shape, extra=(*shape.extra, f"{PARAMETER}={mutant.number}"))
    request = Request("", None, shape, plan, out, template=False)
    found, where, what = found_in(judge(prepared, request, Quiet(), Stopwatch()))
    name = Mutant(mutant.name, Path(FILE), Kind.OPERATOR, (FILE,), mutant.name)
    return Attempt(name, found, where, what, run=time.monotonic() - started)


@contextmanager
def with_operators(field: Field) -> Iterator[tuple[Prepared, tuple[OperatorMutant, ...]]]:
    """The kernel with all operator mutants in it, none switched on, and what they are."""
    path = field.tree.source / FILE
    original = path.read_bytes()
    made = schemata(original.decode())
    try:
        replace_file(path, made.text.encode())
        yield field.rebuilt(Quiet()), made.mutants
    finally:
        replace_file(path, original)


def _results(mutant: Mutant, prepared: Prepared, plan: Plan, request: Request) -> Iterator[RunResult]:
    request = replace(request, template=False)
    yield judge(prepared, request, Quiet(), Stopwatch())
    for name in mutant.needs:
        alone = read_plan([project.SCENARIOS / f"{name}.kmap"], plan.seed, 0)
        yield judge(prepared, replace(request, plan=replace(alone, throwaway=True)), Quiet(), Stopwatch())


def _worst(results: Iterator[RunResult]) -> tuple[Found, str, str]:
    """Of several runs the first that has found a broken promise, else the one that says most."""
    order = (Found.CONTRACT, Found.DEAD, Found.BEHAVIOUR, Found.ERROR, Found.NOTHING)
    worst = (Found.NOTHING, "", "")
    for result in results:
        worst = min(worst, found_in(result), key=lambda one: order.index(one[0]))
        if worst[0] is Found.CONTRACT:
            break
    return worst
