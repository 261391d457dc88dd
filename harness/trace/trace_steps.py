"""Steps of a trace, read for one program: the hot path of a replay, in which all is checked."""

from typing import Any, Final

from harness.model.records.layout import TYPED_FIRST, Layout
from harness.model.records.machine import REGISTERS
from harness.model.records.observation import (
    Checkpoint,
    Completion,
    Interrupt,
    Observation,
    SavedChange,
    SlotChange,
    Status,
    WindowChange,
)
from harness.model.records.operation import (
    NO_PAGE,
    OPERATIONS,
    Base,
    OpCode,
    Operation,
    OperationFlag,
    Prot,
)
from harness.trace.trace_fields import U8, U16, U32, U64, Numbers, damaged, each, fields, integers
from harness.trace.trace_records import Step

_CODES: Final = tuple(OpCode)
_PROTS: Final = tuple(Prot)
_BASES: Final = tuple(Base)
_STATUSES: Final = tuple(Status)
_NONE: Final[tuple[()]] = ()
_S15: Final = 1 << 15
_S31: Final = 1 << 31
_STEP_FIELDS: Final = 6
_WIDE: Final = {"pte": U64}
_SIGNED: Final = {"depth": -_S15}
_LISTS: Final = ("slots", "windows", "saved", "done", "dead", "interrupts", "checkpoints")
_LATER: Final = 2
"""The last lists, which older traces lack."""
_PLAIN: Final = Observation._fields[: -len(_LISTS)]
_CHANGES_MOST: Final = 1 << 16
_TAIL: Final = Numbers(("number", 0, U32), ("cycles", 0, U64), ("messages", 0, U32))
_OPERANDS: Final = (
    ("page", 0, NO_PAGE),
    ("register", 0, U16),
    ("protection", 0, len(_PROTS) - 1),
    ("base", 0, len(_BASES) - 1),
    ("offset", -_S31, _S31 - 1),
    ("value", 0, U32),
)
_SAVED: Final = Numbers(("entry", 0, U16), ("pte", 0, U64))
_INTERRUPT: Final = Numbers(
    ("flags", 0, U8),
    ("depth", -_S15, _S15 - 1),
    ("address", 0, U32),
    ("pte", 0, U64),
    ("value", 0, U32),
)
_CHECKPOINT: Final = Numbers(
    ("stage", 0, U8), ("left", 0, U16), ("error", 0, U32), ("crc", 0, U32)
)
_BY_REGISTER: Final = frozenset(
    kind.code
    for kind in OPERATIONS.values()
    if kind.flags & (OperationFlag.NEEDS_REGISTER | OperationFlag.HAS_ADDRESS)
)


class StepReader:
    """Reads the steps of a program with *tasks* tasks and *pages* pages on one layout."""

    def __init__(self, layout: Layout, tasks: int, pages: int) -> None:
        self._pages = pages
        self._tasks = tasks
        task = ("task", 0, max(tasks - 1, 0))
        self._task = integers(0, max(tasks - 1, 0))
        slot = ("slot", 0, max(layout.last_pkmap - 1, 0))
        highs = {"status": len(_STATUSES) - 1, "cpu": layout.nr_cpus - 1, **_WIDE}
        self._operation = Numbers(("operation", 0, len(_CODES) - 1), task, *_OPERANDS)
        self._plain = Numbers(
            *((name, _SIGNED.get(name, 0), highs.get(name, U32)) for name in _PLAIN)
        )
        self._slot = Numbers(slot, ("count", 0, U32), ("pte", 0, U64), ("address", 0, U32))
        self._window = window_numbers(layout)
        self._done = Numbers(task, ("result", 0, U32), ("address", 0, U32))

    def step(self, value: list[Any]) -> Step:
        """Step of one line.  Raises TraceError for one that no run has written."""
        _, number, op, seen, cycles, messages = fields(value, "the step", _STEP_FIELDS)
        _TAIL.check((number, cycles, messages))
        return Step(number, self._operation_of(op), self._observation(seen), cycles, messages)

    def _operation_of(self, value: Any) -> Operation:  # noqa: ANN401 - any JSON value
        code, task, page, reg, prot, base, offset, datum = self._operation.row(
            value, "the operation"
        )
        if self._pages <= page < NO_PAGE or not self._tasks:
            raise damaged(f"an operation of page {page}, and the program has {self._pages}")
        if reg >= REGISTERS and base == Base.REG and _CODES[code] in _BY_REGISTER:
            raise damaged(f"an operation of register {reg}, and there are {REGISTERS}")
        return Operation(_CODES[code], task, page, reg, _PROTS[prot], _BASES[base], offset, datum)

    def _observation(self, value: Any) -> Observation:  # noqa: ANN401 - any JSON value
        if type(value) is not list or len(value) < len(_PLAIN) + len(_LISTS) - _LATER:
            raise damaged(f"an observation has {len(Observation._fields)} values")
        if len(value) < len(Observation._fields):
            value = [*value, *([] for _ in range(len(Observation._fields) - len(value)))]
        plain, lists = value[: len(_PLAIN)], value[len(_PLAIN) :]
        self._plain.check(plain)
        changes = self._changes(lists) if any(lists) or set(map(type, lists)) != {list} else None
        return Observation._make(
            (_STATUSES[plain[0]], *plain[1:], *(changes or (_NONE,) * len(_LISTS)))
        )

    def _changes(self, lists: list[Any]) -> tuple[tuple[Any, ...], ...]:
        slots, windows, saved, done, dead, interrupts, checkpoints = fields(
            lists, "the changes of an observation", len(_LISTS)
        )
        most = _CHANGES_MOST
        return (
            self._slot.rows(slots, "slots", SlotChange._make, most=most),
            self._window.rows(windows, "windows", WindowChange._make, most=most),
            _SAVED.rows(saved, "saved", SavedChange._make, most=most),
            self._done.rows(done, "done", Completion._make, most=most),
            each(dead, "dead", self._task, most=most) if dead != [] else _NONE,
            _INTERRUPT.rows(interrupts, "interrupts", Interrupt._make, most=most),
            _CHECKPOINT.rows(checkpoints, "checkpoints", Checkpoint._make, most=most),
        )


def window_numbers(layout: Layout) -> Numbers:
    """An entry of the windows: its fixmap index, which may be one beside them, and its PTE."""
    return Numbers(("index", 0, TYPED_FIRST + layout.typed_count), ("pte", 0, U64))
