"""``kmap-harness explore``: check the contract in every state of the standard machines."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.base.output_files import write_whole
from harness.base.worker_processes import worker_processes
from harness.cli.options import Debug, Json, Silence
from harness.cli.output import CommandOutput, shown_progress, write_json
from harness.compare.transitions import kind_of, record_text
from harness.errors import UsageError
from harness.model.records.machine import machine
from harness.model.search.explorer import explore as search
from harness.model.search.reach import reachable
from harness.model.search.standard_machines import KINDS, MACHINES, TINY, Standard
from harness.report.exploration_report import exploration_lines, exploration_value, machine_lines
from harness.report.graph import svg
from harness.report.pictures import pictures
from harness.scenario.explored_machine import ExploredMachine, explored_machine

Names = Annotated[
    list[str] | None,
    typer.Option("--machine", help="Standard machine; may be repeated. Default: all."),
]
Drawing = Annotated[
    Path | None,
    typer.Option("--svg", help="Draw the graph of the one machine named. [default: tiny]"),
]
Branches = Annotated[
    bool,
    typer.Option("--transitions", help="Print every rule branch by kind of kernel, as recorded."),
]
Pictures = Annotated[
    bool,
    typer.Option("--pictures", help="Print the pictures of docs/model.md, made from the model."),
]


def explore(
    names: Names = None,
    drawing: Drawing = None,
    report: Json = None,
    transitions: Branches = False,
    drawn: Pictures = False,
    quiet: Silence = False,
    debug: Debug = False,
) -> None:
    """Enumerate the model's states on small machines.

    Exit 0 the contract is kept everywhere, 1 it is broken, 2 wrong use.
    """
    del debug
    if transitions:
        sys.stdout.write(record_text(_branches()))
    elif drawn:
        sys.stdout.write(pictures() + "\n")
    elif drawing:
        _draw(_chosen(names or [TINY.name]), drawing)
    else:
        chosen = _chosen(names or [one.name for one in MACHINES])
        _explore(chosen, report, quiet=quiet)


def _explore(chosen: list[Standard], report: Path | None, *, quiet: bool) -> None:
    output, width = CommandOutput(report, quiet=quiet), max(len(one.name) for one in chosen)
    results: list[ExploredMachine] = []
    with worker_processes(2) as pool, shown_progress(quiet=quiet) as progress:
        found = pool.map(explored_machine, chosen)
        for number, one in enumerate(chosen, 1):
            progress.step(f"exploring machine {number} of {len(chosen)}: {one.name}, {one.what}")
            result = next(found)
            results.append(result)
            output.meanwhile(machine_lines(result, width))
    output.report(exploration_lines(results, width))
    write_json(report, exploration_value(results))
    raise typer.Exit(int(any(result.broken for result in results)))


def _branches() -> dict[str, frozenset[str]]:
    machines = [machine(layout, (), ()) for layout in KINDS]
    with worker_processes(2) as pool:
        return dict(zip(map(kind_of, machines), pool.map(reachable, machines), strict=True))


def _chosen(names: list[str]) -> list[Standard]:
    by_name = {one.name: one for one in MACHINES}
    for name in names:
        if name not in by_name:
            raise UsageError(
                f"there is no standard machine {name!r}", hint=f"there are {', '.join(by_name)}"
            )
    return [by_name[name] for name in names]


def _draw(chosen: list[Standard], path: Path) -> None:
    if len(chosen) != 1:
        raise UsageError("one machine can be drawn at a time", hint="give --machine once")
    one = chosen[0]
    try:
        text = svg(one.machine, search(one.machine, one.limits, keep_edges=True), one.what)
    except ValueError as error:
        raise UsageError(str(error), hint="draw a smaller machine, such as tiny") from error
    write_whole(path, text)
