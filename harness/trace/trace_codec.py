"""Turns records into JSON values and back: arrays in the order of the records' fields."""

from typing import Any, Final

from harness.model.records.layout import Generation, Layout
from harness.model.records.observation import (
    Completion,
    Interrupt,
    Observation,
    SavedChange,
    SlotChange,
    Snapshot,
    Status,
    TaskView,
    WindowChange,
)
from harness.model.records.operation import Base, OpCode, Operation, Prot
from harness.model.records.page import Page, PageKind
from harness.scenario.program import Assertion, Program
from harness.trace.trace_error import TraceError
from harness.trace.trace_records import (
    Begin,
    End,
    Header,
    Record,
    Step,
    Sync,
    Trouble,
    WitnessView,
)

STEP: Final = "s"
_TAGS: Final = {Begin: "begin", Sync: "sync", Trouble: "trouble", End: "end"}
_CODES: Final = tuple(OpCode)
_PROTS: Final = tuple(Prot)
_BASES: Final = tuple(Base)
_STATUSES: Final = tuple(Status)
_NONE: Final[tuple[()]] = ()


def header_value(header: Header) -> dict[str, Any]:
    """The first line of a trace."""
    layout = {**header.layout._asdict(), "generation": header.layout.generation.value}
    return {
        "kmap-harness-trace": header.version,
        "release": header.release,
        "build": header.build,
        "config": header.config_hash,
        "layout": layout,
        "evidence": header.evidence,
        "seed": header.seed,
        "programs": header.programs,
        "qemu": header.qemu,
        "config_symbols": header.config_symbols,
    }


def header_of(value: dict[str, Any]) -> Header:
    """Header of a first line."""
    known = value["layout"]
    lists = {name: tuple(known.get(name, ())) for name in ("prots", "instructions")}
    layout = Layout(**{**known, "generation": Generation(known["generation"]), **lists})
    symbols = value.get("config_symbols")
    return Header(
        value["release"],
        value["build"],
        value["config"],
        layout,
        value["evidence"],
        value["seed"],
        tuple(value["programs"]),
        tuple(value["qemu"]),
        value["kmap-harness-trace"],
        None if symbols is None else tuple(symbols),
    )


def record_value(record: Record) -> list[Any]:
    """One line: a tag, then the fields."""
    if isinstance(record, Step):
        return [STEP, *record]
    if isinstance(record, Begin):
        return ["begin", _program_value(record.program), *record[1:]]
    return [_TAGS[type(record)], *record]


def record_of(value: list[Any]) -> Record:
    """Record of one line.  Raises TraceError for an unknown tag."""
    tag = value[0]
    if tag == STEP:
        return step_of(value)
    match tag:
        case "begin":
            pages = tuple(Page(pfn, PageKind(kind), bucket) for pfn, kind, bucket in value[2])
            return Begin(_program_of(value[1]), pages, _snapshot_of(value[3]), tuple(value[4]))
        case "sync":
            snapshot, witness = value[2], value[3]
            return Sync(
                value[1], snapshot and _snapshot_of(snapshot), witness and _witness_of(witness)
            )
        case "trouble":
            return Trouble(value[1], value[2], value[3], tuple(value[4]))
        case "end":
            return End(value[1], value[2])
    raise TraceError(
        f"unknown record {tag!r}", hint="the trace is damaged, or written by a newer version"
    )


def step_of(value: list[Any]) -> Step:
    """Step of one line: the hot path of reading."""
    _, number, op, seen, cycles, messages = value
    code, task, page, reg, prot, base, offset, datum = op
    operation = Operation(_CODES[code], task, page, reg, _PROTS[prot], _BASES[base], offset, datum)
    if len(seen) < len(Observation._fields):
        seen = [*seen, ()]
    *plain, slots, windows, saved, done, dead, interrupts = seen
    plain[0] = _STATUSES[plain[0]]
    observation = Observation._make(
        (
            *plain,
            tuple(map(SlotChange._make, slots)) if slots else _NONE,
            tuple(map(WindowChange._make, windows)) if windows else _NONE,
            tuple(map(SavedChange._make, saved)) if saved else _NONE,
            tuple(map(Completion._make, done)) if done else _NONE,
            tuple(dead) if dead else _NONE,
            tuple(map(Interrupt._make, interrupts)) if interrupts else _NONE,
        )
    )
    return Step(number, operation, observation, cycles, messages)


def _snapshot_of(value: list[Any]) -> Snapshot:
    cursor, waiters, counts, ptes, windows, tasks, depths, addresses = value
    return Snapshot(
        cursor,
        waiters,
        tuple(counts),
        tuple(ptes),
        tuple((index, pte) for index, pte in windows),
        tuple(
            TaskView(Status(status), cpu, depth, tuple(saved))
            for status, cpu, depth, saved in tasks
        ),
        tuple(depths),
        tuple(addresses),
    )


def _witness_of(value: list[Any]) -> WitnessView:
    ptes, windows, counts, found = value
    return WitnessView(
        tuple(ptes), tuple((index, pte) for index, pte in windows), tuple(counts), found
    )


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
    }


def _program_of(value: dict[str, Any]) -> Program:
    return Program(
        value["name"],
        tuple(value["tasks"]),
        tuple((PageKind(kind), count) for kind, count in value["pools"]),
        (),
        tuple(value["lines"]),
        tuple(Assertion(*assertion) for assertion in value["assertions"]),
        value["title"],
        tuple(value["task_names"]),
        value["throwaway"],
        value.get("opening", 0),
    )
