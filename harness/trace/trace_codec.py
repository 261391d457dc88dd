"""Turns records into JSON values: arrays in the order of the records' fields."""

from typing import Any, Final

from harness.model.boot.boot_view import BootView
from harness.scenario.program import Program
from harness.trace.trace_records import Begin, End, Record, Step, Sync, Trouble

STEP: Final = "s"
_TAGS: Final = {Begin: "begin", BootView: "boot", Sync: "sync", Trouble: "trouble", End: "end"}


def record_value(record: Record) -> list[Any]:
    """One line: a tag, then the fields."""
    if isinstance(record, Step):
        return [STEP, *record]
    if isinstance(record, Begin):
        return ["begin", _program_value(record.program), *record[1:]]
    return [_TAGS[type(record)], *record]


def _program_value(program: Program) -> dict[str, Any]:
    return {
        "name": program.name,
        "title": program.title,
        "tasks": program.tasks,
        "task_names": program.task_names,
        "pools": program.pools,
        "lines": program.lines,
        "assertions": program.assertions,
        "throwaway": program.throwaway,
        "opening": program.opening,
        "file": program.file,
    }
