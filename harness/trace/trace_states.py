"""The beginning of a program and its whole states, as a trace has them: read and checked."""

from collections.abc import Callable
from typing import Any, Final

from harness.model.records.layout import Layout
from harness.model.records.observation import Snapshot, Status, TaskView
from harness.model.records.operation import NO_PAGE
from harness.model.records.page import Page, PageKind
from harness.scenario.operand_parser import ASSERTED_FIELDS
from harness.scenario.program import UNBOUND, Assertion, Program
from harness.trace.trace_fields import (
    U8,
    U16,
    U32,
    U64,
    Numbers,
    damaged,
    each,
    fields,
    flag,
    integer,
    integers,
    members,
    shown,
    text,
    words,
)
from harness.trace.trace_records import Begin, Sync, WitnessView
from harness.trace.trace_steps import window_numbers

TASKS_MOST: Final = 64
"""``KMH_MAX_TASKS`` (kmod/protocol_kernel.h)."""
LINES_MOST: Final = 1 << 24
ENTRIES_MOST: Final = 1 << 16
EXPECTED_MOST: Final = 1 << 127
"""An author may expect any number; one that no observation holds is never seen."""

_KINDS: Final = integers(1, len(PageKind))
_PROGRAM: Final = (
    "name",
    "title",
    "tasks",
    "task_names",
    "pools",
    "lines",
    "assertions",
    "throwaway",
)
_PAGE: Final = Numbers(("pfn", 0, U32), ("kind", 1, len(PageKind)), ("bucket", 0, U16))
_POOL: Final = Numbers(("kind", 1, len(PageKind)), ("pages", 1, NO_PAGE))
_DEPTH: Final = integers(-(1 << 31), (1 << 31) - 1)
_ASSERTION_FIELDS: Final = 6


def begin_of(layout: Layout, value: list[Any]) -> Begin:
    """The begin record of one line.  Raises TraceError for one that no run has written."""
    _, program_value, page_values, start, warned = fields(value, "the begin record", 5)
    program = _program_of(layout, program_value)
    kinds = program.page_kinds if sum(count for _, count in program.pools) < NO_PAGE else ()
    pages = each(page_values, "pages", _page, count=len(kinds))
    if tuple(page.kind for page in pages) != kinds:
        raise damaged("the pages are not those of the program's pools")
    if len({page.pfn for page in pages}) != len(pages):
        raise damaged("two pages have one frame")
    snapshot = _snapshot_of(layout, program, start)
    return Begin(program, pages, snapshot, each(warned, "warned", text, most=ENTRIES_MOST))


def sync_of(layout: Layout, program: Program, value: list[Any]) -> Sync:
    """The sync record of one line.  Raises TraceError for one that no run has written."""
    _, step, snapshot, witness = fields(value, "the sync record", 4)
    return Sync(
        integer(step, "step", 0, U32),
        None if snapshot is None else _snapshot_of(layout, program, snapshot),
        None if witness is None else _witness_of(layout, witness),
    )


def _page(value: Any, name: str) -> Page:  # noqa: ANN401 - any JSON value
    pfn, kind, bucket = _PAGE.row(value, name)
    return Page(pfn, PageKind(kind), bucket)


def _pool(value: Any, name: str) -> tuple[PageKind, int]:  # noqa: ANN401 - any JSON value
    kind, count = _POOL.row(value, name)
    return PageKind(kind), count


def _program_of(layout: Layout, value: Any) -> Program:  # noqa: ANN401 - any JSON value
    known = members(value, "the program", _PROGRAM)
    tasks = each(known["tasks"], "tasks", _task_cpu(layout), most=TASKS_MOST)
    lines = words(known["lines"], "lines", U32, most=LINES_MOST)
    return Program(
        text(known["name"], "name"),
        tasks,
        each(known["pools"], "pools", _pool, most=len(PageKind)),
        (),
        lines,
        each(known["assertions"], "assertions", _assertion, most=LINES_MOST),
        text(known["title"], "title"),
        each(known["task_names"], "task_names", text, most=TASKS_MOST),
        flag(known["throwaway"], "throwaway"),
        integer(known.get("opening", 0), "opening", 0, U32),
        text(known.get("file", ""), "file"),
    )


def _task_cpu(layout: Layout) -> Callable[[Any, str], int]:
    """A reader of the CPU of a task: a CPU that the guest has, or none in particular."""

    def read(value: Any, name: str) -> int:  # noqa: ANN401 - any JSON value
        if value == UNBOUND:
            return integer(value, name, 0, U8)
        return integer(value, name, 0, layout.online_cpus - 1)

    return read


def _assertion(value: Any, name: str) -> Assertion:  # noqa: ANN401 - any JSON value
    if type(value) is list and len(value) == _ASSERTION_FIELDS - 1:
        value = [*value, ""]
    step, field, number, relative, line, quoted = fields(value, name, _ASSERTION_FIELDS)
    if field not in ASSERTED_FIELDS:
        raise damaged(f"an assertion of {shown(field)}, which no observation has")
    return Assertion(
        integer(step, "step of an assertion", 0, U32),
        field,
        integer(number, "value of an assertion", -EXPECTED_MOST, EXPECTED_MOST),
        flag(relative, "relative of an assertion"),
        integer(line, "line of an assertion", 0, U32),
        text(quoted, "text of an assertion"),
    )


def _snapshot_of(layout: Layout, program: Program, value: Any) -> Snapshot:  # noqa: ANN401 - JSON
    cursor, waiters, counts, ptes, windows, tasks, depths, addresses = fields(
        value, "the snapshot", len(Snapshot._fields)
    )
    slots, pages = layout.last_pkmap, len(program.page_kinds)
    return Snapshot(
        integer(cursor, "cursor", 0, U32),
        integer(waiters, "waiters", 0, U32),
        words(counts, "counts", U32, count=slots),
        words(ptes, "ptes", U64, count=slots),
        _windows_of(layout, windows),
        each(tasks, "tasks", _task_view, count=len(program.tasks)),
        each(depths, "cpu_depths", _DEPTH, count=layout.online_cpus),
        words(addresses, "page_addresses", U32, count=pages),
    )


def _task_view(value: Any, name: str) -> TaskView:  # noqa: ANN401 - any JSON value
    status, cpu, depth, saved = fields(value, name, len(TaskView._fields))
    return TaskView(
        Status(integer(status, "status of a task", 0, len(Status) - 1)),
        integer(cpu, "CPU of a task", 0, U8),
        integer(depth, "depth of a task", -(1 << 15), U16),
        words(saved, "saved", U64, most=ENTRIES_MOST),
    )


def _windows_of(layout: Layout, value: Any) -> tuple[tuple[int, int], ...]:  # noqa: ANN401 - JSON
    rows = window_numbers(layout).rows(value, "windows", tuple, most=ENTRIES_MOST)
    return tuple((index, pte) for index, pte in rows)


def _witness_of(layout: Layout, value: Any) -> WitnessView:  # noqa: ANN401 - any JSON value
    ptes, windows, counts, found = fields(value, "the witness", len(WitnessView._fields))
    slots = layout.last_pkmap
    return WitnessView(
        words(ptes, "ptes of the witness", U64, count=slots),
        _windows_of(layout, windows),
        words(counts, "counts of the witness", U32, count=slots if counts else 0),
        text(found, "found"),
    )
