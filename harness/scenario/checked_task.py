"""The facts about a task and a register that the rules of programs need at each step."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.model.records.operation import AtomicSection
from harness.scenario.scenario_error import SourcePlace


class RegisterContent(NamedTuple):
    """The mapping in a register: its number, and whether it takes a slot of a window."""

    number: int
    window: bool


@dataclass(slots=True)
class CheckedTask:
    """The mappings and sections that one task has open.

    ``windows`` are the numbers of its mappings in the window, newest last.  ``irq_end`` is the
    last step of the interrupt that it is in, or -1; ``irq_open`` is what was open before.
    """

    cpu: int
    open: Counter[AtomicSection] = field(default_factory=Counter)
    windows: list[int] = field(default_factory=list)
    irq_end: int = -1
    irq_open: Counter[AtomicSection] = field(default_factory=Counter)
    opened_at: SourcePlace | None = None
    gone: bool = False

    @property
    def atomic(self) -> bool:
        """Tell whether the task may not sleep."""
        return self.irq_end >= 0 or any(self.open.values())
