"""Lines of a trace to records, in the order in which a run writes them.

A record that is missing, that stands twice, or whose numbers do not count up would change what is
judged: the decoder refuses it.
"""

from typing import Any, Final, NoReturn

from harness.model.boot.boot_view import BootView
from harness.scenario.program import BOOT, Program
from harness.trace.trace_boot import boot_of
from harness.trace.trace_codec import STEP
from harness.trace.trace_error import TraceError
from harness.trace.trace_fields import U32, damaged, each, fields, integer, shown, text
from harness.trace.trace_records import Begin, End, Header, Record, Step, Sync, Trouble
from harness.trace.trace_states import begin_of, sync_of
from harness.trace.trace_steps import StepReader

TROUBLE_LINES_MOST: Final = 1 << 16


class TraceDecoder:
    """Decodes the records of one trace.

    ``steps`` and ``records`` count what it has read, ``unsynced`` the programs that ran to their
    end and have no synchronisation point there.
    """

    def __init__(self, header: Header) -> None:
        self._layout = header.layout
        self._program: Program | None = None
        self._reader: StepReader | None = None
        self._next = 0
        self._synced = -1
        self.steps = self.records = self.unsynced = 0

    @property
    def open(self) -> bool:
        """Tell whether a program has begun and not ended."""
        return self._program is not None

    def record(self, value: list[Any]) -> Record:
        """Record of one line.  Raises TraceError for one that no run can have written here."""
        self.records += 1
        if value[0] == STEP:
            return self._step(value)
        match value[0]:
            case "begin":
                return self._begin(value)
            case "boot":
                return self._boot(value)
            case "sync":
                return self._sync(value)
            case "trouble":
                return self._trouble(value)
            case "end":
                return self._end(value)
        raise TraceError(
            f"unknown record {shown(value[0])}",
            hint="the trace is damaged, or written by a newer version",
        )

    def _begun(self, what: str) -> Program:
        if self._program is None:
            raise damaged(f"a {what} of no program: the record of its beginning is missing")
        return self._program

    def _step(self, value: list[Any]) -> Step:
        if self._reader is None:
            self._missing_begin()
        step = self._reader.step(value)
        if step.number != self._next:
            raise damaged(f"step {step.number} stands where step {self._next} belongs")
        self._next += 1
        self.steps += 1
        return step

    def _missing_begin(self) -> NoReturn:
        raise damaged("a step of no program: the record of its beginning is missing")

    def _begin(self, value: list[Any]) -> Begin:
        if self._program is not None:
            raise damaged(f"a program begins before the end of {shown(self._program.name)}")
        begin = begin_of(self._layout, value)
        self._program, self._next, self._synced = begin.program, 0, -1
        self._reader = StepReader(self._layout, len(begin.program.tasks), len(begin.pages))
        return begin

    def _boot(self, value: list[Any]) -> BootView:
        if self._begun("view of the boot").name != BOOT:
            raise damaged("a view of the boot stands in a program after it")
        return boot_of(value)

    def _sync(self, value: list[Any]) -> Sync:
        program = self._begun("synchronisation point")
        sync = sync_of(self._layout, program, value)
        if sync.step != self._next:
            raise damaged(
                f"a synchronisation point after step {sync.step} stands after {self._next} steps"
            )
        self._synced = sync.step
        return sync

    def _trouble(self, value: list[Any]) -> Trouble:
        self._begun("kernel message")
        _, step, kind, title, lines = fields(value, "the trouble record", 5)
        return Trouble(
            integer(step, "step of a kernel message", -1, U32),
            text(kind, "kind"),
            text(title, "title"),
            each(lines, "lines", text, most=TROUBLE_LINES_MOST),
        )

    def _end(self, value: list[Any]) -> End:
        program = self._begun("end")
        _, steps, reason = fields(value, "the end record", 3)
        end = End(integer(steps, "steps", 0, U32), text(reason, "reason"))
        if end.steps != self._next:
            raise damaged(f"{end.steps} steps were written, and {self._next} are there")
        if not end.reason:
            self._check_whole(program)
        self._program = self._reader = None
        return end

    def _check_whole(self, program: Program) -> None:
        """Raise TraceError if something of a program that ran to its end is missing."""
        self.unsynced += self._synced != self._next
        if program.lines and len(program.lines) != self._next:
            raise damaged(
                f"the program has {len(program.lines)} steps, and {self._next} are there"
            )
