"""A program: what a scenario or a generator asks of one guest, operation by operation."""

from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from harness.model.records.operation import Operation
from harness.model.records.page import PageKind

UNBOUND: Final = 0xFF  # KMH_TASK_UNBOUND
BOOT: Final = "the boot"
"""The name of the program that comes first in every guest; no scenario can have it."""


class Assertion(NamedTuple):
    """An author's expectation at *step*; ``relative`` counts from the cursor after the opening.

    ``line`` and ``text`` are those of the source; line 0 is that of a generated program, whose
    oracle is as sure as the model.
    """

    step: int
    field: str
    value: int
    relative: bool
    line: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """Operations for tasks, with the pages they name.

    ``tasks`` has the CPU of each task (UNBOUND: any), ``pools`` kinds and counts of pages
    (ids count from 0 over all pools in order), ``lines`` the source line of each
    operation (0: generated; empty: all generated), ``opening`` the number of operations
    that come before those of its author (opening.py), ``file`` the file of a scenario.
    """

    name: str
    tasks: tuple[int, ...]
    pools: tuple[tuple[PageKind, int], ...]
    operations: tuple[Operation, ...]
    lines: tuple[int, ...] = ()
    assertions: tuple[Assertion, ...] = ()
    title: str = ""
    task_names: tuple[str, ...] = ()
    throwaway: bool = False
    opening: int = 0
    file: str = ""

    def after(self, opening: tuple[Operation, ...]) -> "Program":
        """The same program with *opening* before it."""
        count = len(opening)
        return replace(
            self,
            operations=opening + self.operations,
            lines=(0,) * count + self.lines if self.lines else (),
            assertions=tuple(one._replace(step=one.step + count) for one in self.assertions),
            opening=self.opening + count,
        )

    def line(self, step: int) -> int:
        """Source line of *step*, 0 when there is none."""
        return self.lines[step] if step < len(self.lines) else 0

    def task_name(self, task: int) -> str:
        """Name of task *task* as the scenario has it."""
        return self.task_names[task] if task < len(self.task_names) else f"t{task}"

    @property
    def page_kinds(self) -> tuple[PageKind, ...]:
        """Kind of each page, by id."""
        return tuple(kind for kind, count in self.pools for _ in range(count))


def boot() -> Program:
    """The program that executes nothing: the kernel until here, and the state that it left.

    What the kernel says while it boots belongs to this program, not to the first scenario.
    """
    return Program(BOOT, (), (), (), title="the kernel until its first program")


@dataclass(frozen=True, slots=True)
class NotApplicable:
    """A scenario that this guest cannot run, and why; listed and counted, never a success."""

    name: str
    reason: str
