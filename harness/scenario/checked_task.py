"""What the rules of programs must know of a task and of a register at each step."""

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
    """What one task has open.

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
        """Whether the task may not sleep."""
        return self.irq_end >= 0 or any(self.open.values())
