"""One standard machine explored; a program that breaks a rule is told as a scenario."""

import time
from dataclasses import dataclass

from harness.model.fast.fast_path import plain
from harness.model.search.explorer import Failure
from harness.model.search.explorer import explore as search
from harness.model.search.standard_machines import Standard
from harness.scenario.program import Program
from harness.scenario.program_text import program_text


@dataclass(frozen=True, slots=True)
class ExploredMachine:
    """The result of the exploration of one machine.

    ``broken`` are the rules that the last step of ``scenario``, the shortest such program, broke.
    """

    name: str
    what: str
    states: int
    steps: int
    rules: int
    complete: bool
    seconds: float
    broken: tuple[str, ...] = ()
    scenario: str = ""

    @property
    def verdict(self) -> str:
        """In a word or two."""
        if self.broken:
            return "BROKEN"
        return "clean" if self.complete else "clean as far as it goes"


def explored_machine(standard: Standard) -> ExploredMachine:
    """Explore *standard* until a rule is broken, or its limits are reached."""
    started = time.monotonic()
    found = search(standard.machine, standard.limits, fast_path=plain)
    seconds = time.monotonic() - started
    failure = found.failure
    return ExploredMachine(
        standard.name,
        standard.what,
        found.states,
        found.steps,
        len(found.rules),
        found.complete,
        seconds,
        tuple(f"{one.rule}: {one.detail}" for one in failure.violations) if failure else (),
        scenario_of(standard, failure) if failure else "",
    )


def scenario_of(standard: Standard, failure: Failure) -> str:
    """The shortest path to a broken rule as a ``.kmap`` file, for the small machine explored."""
    kinds = [page.kind for page in standard.machine.pages]
    pools = tuple((kind, kinds.count(kind)) for kind in dict.fromkeys(kinds))
    rules = ", ".join(violation.rule for violation in failure.violations)
    program = Program(
        name=f"broken-{standard.name}",
        tasks=standard.machine.tasks,
        pools=pools,
        operations=failure.program,
        title=f"breaks {rules} on {standard.name} "
        f"({standard.machine.layout.last_pkmap} pkmap slots)",
        throwaway=True,
    )
    return program_text(program)
