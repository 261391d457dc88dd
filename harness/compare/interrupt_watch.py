"""Finds interrupts of a scenario that were armed and never came: then nothing was tried.

The model allows that: which instructions of a function are executed is not known to it.
"""

from collections.abc import Iterator

from harness.compare.divergence import SilentInterrupt
from harness.model.records.observation import Status
from harness.model.records.operation import OpCode
from harness.scenario.program import Program
from harness.scenario.program_text import operation_text
from harness.trace.trace_records import Step


class _Tally:
    """How often the interrupt of one line was armed, refused, and came."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.armed = self.refused = self.came = 0


class InterruptWatch:
    """Watches the steps of one program; one interrupt at most is armed at a time."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._lines: dict[int, _Tally] = {}
        self._armed: _Tally | None = None

    def step(self, record: Step) -> None:
        """Take one step, in order."""
        if record.operation.code is OpCode.INTERRUPT:
            self._arm(record)
        elif record.observation.interrupts and self._armed is not None:
            self._armed.came += 1
            self._armed = None

    def _arm(self, record: Step) -> None:
        self._armed = None
        line = self._program.line(record.number)
        if not line:
            return
        text = f"{self._program.task_name(record.operation.task)}: "
        text += operation_text(record.operation, self._program.pools)
        tally = self._lines.setdefault(line, _Tally(text))
        tally.armed += 1
        if record.observation.status is Status.REFUSED:
            tally.refused += 1
        else:
            self._armed = tally

    def silent(self) -> Iterator[SilentInterrupt]:
        """The lines whose interrupt never came."""
        file = self._program.file or self._program.name
        for line, tally in sorted(self._lines.items()):
            if not tally.came:
                yield SilentInterrupt(f"{file}:{line}", tally.text, tally.armed, tally.refused)
